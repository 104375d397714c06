//! A connection as the exchanges see it: bytes out, and bytes in with the stamp of their arrival.
//!
//! It is read straight from the task that waits for the answer; no other task stands between the
//! socket and the stamp. Under TLS the stamp is that of the record that completed the plain text.

use std::io::{self, ErrorKind, IoSlice, Read as _, Write as _};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use floodline_core::Moment;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};
use tokio::io::Interest;
use tokio::net::TcpStream;

use crate::clock::Clock;
use crate::stamp;

/// Buffers that one read needs; one set serves all connections of a worker, since nothing is kept in
/// them between reads.
pub(crate) struct Scratch {
    plain: Box<[u8]>,
    cipher: Box<[u8]>,
}

/// Large enough that a flood is read in few calls, small enough to stay in the cache.
const PLAIN: usize = 128 * 1024;
/// What TLS reads at once; decrypted with what was left over it fits [`PLAIN`].
const CIPHER: usize = 64 * 1024;

impl Scratch {
    pub(crate) fn new() -> Scratch {
        Scratch { plain: vec![0; PLAIN].into(), cipher: vec![0; CIPHER].into() }
    }

    /// What the last read brought, for those who have buffers of their own; some of it at least.
    pub(crate) fn plain(&self) -> &[u8] {
        &self.plain
    }
}

/// What one read brought.
pub(crate) struct Read<'a> {
    /// The bytes; none at the end of the connection.
    pub(crate) bytes: &'a [u8],
    /// The kernel's stamp, in nanoseconds since 1970, if it gave one.
    pub(crate) stamp: Option<u64>,
}

/// An open connection.
pub(crate) struct Socket {
    tcp: TcpStream,
    tls: Option<Box<Tls>>,
}

struct Tls {
    session: ClientConnection,
    /// Records that the kernel has not taken yet; only those of [`Socket::poll_write`] wait here.
    outgoing: Vec<u8>,
    /// What ended the session, to be said once the bytes before it have been read.
    over: Option<io::Result<()>>,
}

/// A handshake is rare and small: its buffer is its own.
const HANDSHAKE: usize = 16 * 1024;

impl Socket {
    /// Takes over a connected stream.
    pub(crate) fn new(tcp: TcpStream) -> io::Result<Socket> {
        tcp.set_nodelay(true)?;
        stamp::enable(&tcp);
        Ok(Socket { tcp, tls: None })
    }

    /// Secures the connection.
    pub(crate) async fn handshake(
        &mut self,
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<()> {
        let mut session = ClientConnection::new(config, name).map_err(io::Error::other)?;
        session.set_buffer_limit(None);
        let mut scratch = vec![0; HANDSHAKE];
        loop {
            let pending = cipher_text(&mut session)?;
            self.write_all(&pending, &mut || {}).await?;
            if !session.is_handshaking() {
                self.tls = Some(Box::new(Tls { session, outgoing: Vec::new(), over: None }));
                return Ok(());
            }
            let (n, _) = std::future::poll_fn(|cx| poll_receive(&self.tcp, cx, &mut scratch)).await?;
            if n == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            let mut rest = &scratch[..n];
            while !rest.is_empty() {
                session.read_tls(&mut rest)?;
                session.process_new_packets().map_err(io::Error::other)?;
            }
        }
    }

    /// Whether the two sides have agreed to speak this, by its name in TLS.
    pub(crate) fn speaks(&self, protocol: &[u8]) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.session.alpn_protocol() == Some(protocol))
    }

    /// Whether nothing has come since the last read: neither bytes nor an end. Asks the event loop, not the
    /// kernel, and so knows what the loop has seen so far.
    pub(crate) fn is_quiet(&self) -> bool {
        let over = self.tls.as_ref().is_some_and(|tls| tls.over.is_some());
        !over && self.tcp.poll_read_ready(&mut Context::from_waker(Waker::noop())).is_pending()
    }

    /// Sends everything. `sent` is set just before each call that hands bytes to the kernel, so that in
    /// the end it is the instant before the last of them.
    pub(crate) async fn send(
        &mut self,
        bytes: &[u8],
        clock: &Clock,
        sent: &mut Option<Moment>,
    ) -> io::Result<()> {
        let mut stamp = || *sent = Some(clock.now());
        match &mut self.tls {
            None => self.write_all(bytes, &mut stamp).await,
            Some(tls) => {
                tls.session.writer().write_all(bytes)?;
                let bytes = cipher_text(&mut tls.session)?;
                self.write_all(&bytes, &mut stamp).await
            }
        }
    }

    async fn write_all(&self, mut bytes: &[u8], before: &mut impl FnMut()) -> io::Result<()> {
        while !bytes.is_empty() {
            before();
            match self.tcp.try_write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(n) => bytes = &bytes[n..],
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) if e.kind() == ErrorKind::WouldBlock => self.tcp.writable().await?,
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    /// Hands over what is taken at once, and says how much of it that is. Under TLS that is not the kernel's yet:
    /// [`poll_flush`](Self::poll_flush) says when it is.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.tls.is_none() {
            return poll_send(&self.tcp, cx, parts);
        }
        ready!(self.poll_flush(cx))?;
        let Some(tls) = &mut self.tls else { return Poll::Ready(Ok(0)) };
        let mut taken = 0;
        for part in parts {
            tls.session.writer().write_all(part)?;
            taken += part.len();
        }
        tls.outgoing = cipher_text(&mut tls.session)?;
        match self.poll_flush(cx) {
            Poll::Ready(Err(e)) => Poll::Ready(Err(e)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(taken)),
        }
    }

    /// Waits until the kernel has everything.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(tls) = &mut self.tls else { return Poll::Ready(Ok(())) };
        while !tls.outgoing.is_empty() {
            let n = ready!(poll_send(&self.tcp, cx, &[IoSlice::new(&tls.outgoing)]))?;
            tls.outgoing.drain(..n);
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what has arrived; no bytes mean that the connection has ended.
    pub(crate) fn poll_read<'a>(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &'a mut Scratch,
    ) -> Poll<io::Result<Read<'a>>> {
        let Scratch { plain, cipher } = scratch;
        let Some(tls) = &mut self.tls else {
            let (n, stamp) = ready!(poll_receive(&self.tcp, cx, plain))?;
            return Poll::Ready(Ok(Read { bytes: &plain[..n], stamp }));
        };
        loop {
            if let Some(over) = tls.over.take() {
                // Said again to whoever reads on.
                tls.over = Some(Ok(()));
                return Poll::Ready(over.map(|()| Read { bytes: &[], stamp: None }));
            }
            let (n, stamp) = ready!(poll_receive(&self.tcp, cx, cipher))?;
            let filled = decrypt(tls, &cipher[..n], plain);
            if n == 0 {
                tls.over.get_or_insert(Ok(()));
            }
            if filled > 0 {
                return Poll::Ready(Ok(Read { bytes: &plain[..filled], stamp }));
            }
        }
    }
}

/// Sends without waiting.
fn poll_send(tcp: &TcpStream, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
    loop {
        ready!(tcp.poll_write_ready(cx))?;
        match tcp.try_write_vectored(parts) {
            Ok(0) => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            sent => return Poll::Ready(sent),
        }
    }
}

/// Receives without waiting. A short read has emptied the socket: it is reported to the event loop as if
/// it had said so itself, and the next read waits for the next arrival instead of asking the kernel in vain.
fn poll_receive(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<(usize, Option<u64>)>> {
    loop {
        ready!(tcp.poll_read_ready(cx))?;
        let mut short = None;
        let full = tcp.try_io(Interest::READABLE, || match stamp::receive(tcp, buffer)? {
            read @ (n, _) if n > 0 && n < buffer.len() => {
                short = Some(read);
                Err(ErrorKind::WouldBlock.into())
            }
            read => Ok(read),
        });
        match (short, full) {
            (Some(read), _) => return Poll::Ready(Ok(read)),
            (None, Err(e)) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            (None, full) => return Poll::Ready(full),
        }
    }
}

/// Decrypts everything in `cipher` and returns how many bytes of plain text there are; notes the session's end.
fn decrypt(tls: &mut Tls, mut cipher: &[u8], plain: &mut [u8]) -> usize {
    let mut filled = 0;
    while !cipher.is_empty() && tls.over.is_none() {
        match decrypt_some(&mut tls.session, &mut cipher, &mut plain[filled..]) {
            Ok((n, closed)) => {
                filled += n;
                tls.over = closed.then_some(Ok(()));
            }
            Err(e) => tls.over = Some(Err(e)),
        }
    }
    filled
}

/// The same for as much as the session takes at once, and whether the other side has closed it.
fn decrypt_some(
    session: &mut ClientConnection,
    cipher: &mut &[u8],
    plain: &mut [u8],
) -> io::Result<(usize, bool)> {
    session.read_tls(cipher)?;
    let closed = session.process_new_packets().map_err(io::Error::other)?.peer_has_closed();
    let mut filled = 0;
    loop {
        match session.reader().read(&mut plain[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == ErrorKind::WouldBlock => break,
            Err(e) => return Err(e),
        }
    }
    Ok((filled, closed))
}

/// Everything that TLS wants to send.
fn cipher_text(tls: &mut ClientConnection) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while tls.wants_write() {
        tls.write_tls(&mut bytes)?;
    }
    Ok(bytes)
}
