//! TLS: rustls with ring, the system's roots, and what the scenario adds to or takes from them.

use std::sync::Arc;

use floodline_core::connection::Http;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use crate::EngineError;

/// How a target's certificate is checked.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// By the system's roots and these, in PEM.
    Roots(Option<Vec<u8>>),
    /// Not at all.
    Anything,
}

/// HTTP/2 by the name that it has in TLS.
pub(crate) const HTTP2: &[u8] = b"h2";

/// The client side of TLS for one target.
pub(crate) fn client(trust: &Trust, http: Http) -> Result<Arc<ClientConfig>, EngineError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let wrong = |what: &str| EngineError::Tls(format!("cannot set up TLS: {what}"));
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Anything => Arc::new(Unchecked(provider.signature_verification_algorithms)),
        Trust::Roots(extra) => {
            let extra = certificates(extra.as_deref().unwrap_or_default())?;
            Arc::new(roots(extra, &provider).map_err(|e| wrong(&e.to_string()))?)
        }
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| wrong(&e.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![match http {
        Http::One => b"http/1.1".to_vec(),
        Http::Two => HTTP2.to_vec(),
    }];
    Ok(Arc::new(config))
}

fn roots(
    extra: Vec<CertificateDer<'static>>,
    provider: &Arc<CryptoProvider>,
) -> Result<Verifier, rustls::Error> {
    if extra.is_empty() {
        Verifier::new(provider.clone())
    } else {
        Verifier::new_with_extra_roots(extra, provider.clone())
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, EngineError> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Err(e) => Err(EngineError::Tls(format!("the CA file is not readable PEM: {e}"))),
        Ok(none) if none.is_empty() && !pem.is_empty() => {
            Err(EngineError::Tls("the CA file holds no certificate: PEM is expected".into()))
        }
        Ok(certificates) => Ok(certificates),
    }
}

/// Takes any certificate: what `--insecure` asks for, loudly. Signatures are still checked, so that
/// the other side at least holds the key of what it shows.
#[derive(Debug)]
struct Unchecked(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
