//! The options of curl: which there are, and which take a value.

/// What an option means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Method,
    Header,
    Data,
    /// Nothing in it names a file.
    DataRaw,
    /// Line breaks are kept.
    DataBinary,
    DataUrlencode,
    Json,
    Login,
    Bearer,
    Cookie,
    Agent,
    Referer,
    DataInUrl,
    Url,
    UrlQuery,
    Form,
    Compressed,
    Insecure,
    Proxy,
    Timeout,
    ConnectTimeout,
    CaFile,
    Http2,
    Head,
    /// Ends one request and begins the next.
    Next,
    /// It takes a value, and what it does is not taken over.
    IgnoredValue,
    /// It changes nothing that is loaded.
    Nothing,
    /// It changes nothing that is loaded, and takes a value.
    NothingWithValue,
}

impl Meaning {
    pub(super) fn takes_a_value(self) -> bool {
        !matches!(
            self,
            Meaning::DataInUrl
                | Meaning::Compressed
                | Meaning::Insecure
                | Meaning::Http2
                | Meaning::Head
                | Meaning::Next
                | Meaning::Nothing
        )
    }
}

/// The meaning of a long option, without its dashes.
pub(super) fn long(name: &str) -> Option<Meaning> {
    Some(match name {
        "request" => Meaning::Method,
        "header" => Meaning::Header,
        "data" | "data-ascii" => Meaning::Data,
        "data-raw" => Meaning::DataRaw,
        "data-binary" => Meaning::DataBinary,
        "data-urlencode" => Meaning::DataUrlencode,
        "json" => Meaning::Json,
        "user" => Meaning::Login,
        "oauth2-bearer" => Meaning::Bearer,
        "cookie" => Meaning::Cookie,
        "user-agent" => Meaning::Agent,
        "referer" => Meaning::Referer,
        "get" => Meaning::DataInUrl,
        "url" => Meaning::Url,
        "url-query" => Meaning::UrlQuery,
        "form" | "form-string" => Meaning::Form,
        "compressed" => Meaning::Compressed,
        "insecure" => Meaning::Insecure,
        "proxy" => Meaning::Proxy,
        "max-time" => Meaning::Timeout,
        "connect-timeout" => Meaning::ConnectTimeout,
        "cacert" => Meaning::CaFile,
        "http2" | "http2-prior-knowledge" => Meaning::Http2,
        "head" => Meaning::Head,
        "next" => Meaning::Next,
        "cert" | "key" | "pass" | "proxy-user" | "proxy-header" | "resolve" | "connect-to" | "interface"
        | "unix-socket" | "upload-file" | "config" | "aws-sigv4" | "range" | "limit-rate" | "noproxy"
        | "cookie-jar" | "ciphers" | "cert-type" | "key-type" | "pinnedpubkey" | "socks5"
        | "socks5-hostname" | "netrc-file" | "dns-servers" | "local-port" => Meaning::IgnoredValue,
        "output" | "write-out" | "retry" | "retry-delay" | "retry-max-time" | "max-redirs"
        | "dump-header" | "stderr" | "trace" | "trace-ascii" | "keepalive-time" | "speed-limit"
        | "speed-time" | "tls-max" | "output-dir" | "expect100-timeout" | "max-filesize" | "proto"
        | "proto-redir" | "parallel-max" => Meaning::NothingWithValue,
        "silent"
        | "show-error"
        | "include"
        | "verbose"
        | "location"
        | "fail"
        | "fail-with-body"
        | "fail-early"
        | "no-buffer"
        | "globoff"
        | "remote-name"
        | "progress-bar"
        | "no-progress-meter"
        | "http1.1"
        | "http1.0"
        | "location-trusted"
        | "tcp-nodelay"
        | "ipv4"
        | "ipv6"
        | "tlsv1.2"
        | "tlsv1.3"
        | "raw"
        | "basic"
        | "path-as-is"
        | "no-keepalive"
        | "tr-encoding"
        | "retry-all-errors"
        | "retry-connrefused"
        | "ssl-no-revoke"
        | "parallel"
        | "create-dirs"
        | "junk-session-cookies"
        | "anyauth"
        | "http3" => Meaning::Nothing,
        _ => return None,
    })
}

/// The meaning of a short option.
pub(super) fn short(letter: char) -> Option<Meaning> {
    let name = match letter {
        'X' => "request",
        'H' => "header",
        'd' => "data",
        'u' => "user",
        'b' => "cookie",
        'A' => "user-agent",
        'e' => "referer",
        'G' => "get",
        'F' => "form",
        'k' => "insecure",
        'x' => "proxy",
        'm' => "max-time",
        'I' => "head",
        ':' => "next",
        'E' => "cert",
        'T' => "upload-file",
        'K' => "config",
        'r' => "range",
        'c' => "cookie-jar",
        'U' => "proxy-user",
        'o' => "output",
        'w' => "write-out",
        'D' => "dump-header",
        'y' => "speed-time",
        'Y' => "speed-limit",
        's' | 'S' | 'i' | 'v' | 'L' | 'f' | 'N' | 'g' | 'O' | '#' | '0' | '4' | '6' | '1' | 'j' | 'Z'
        | 'n' => "silent",
        _ => return None,
    };
    long(name)
}
