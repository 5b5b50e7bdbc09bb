//! How an account's chat is reached, besides its address: trusted authorities, client certificate, proxy.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

use crate::secret::Secret;

/// How an account's chat is reached. Accounts share connections only if all of it is equal.
#[derive(Clone)]
pub struct Outbound {
    authorities: Vec<Vec<u8>>,
    identity: Option<Identity>,
    proxy: Option<Proxy>,
    fingerprint: Fingerprint,
}

/// Equal if all of two [`Outbound`]s is equal. It is a hash over secrets, too, so it has no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

/// A client certificate with its key. It has no `Debug`. The key is only inside a signer, which does not give it out.
#[derive(Clone)]
pub struct Identity(Arc<CertifiedKey>);

/// An HTTP proxy that makes a tunnel to the chat (`CONNECT`). TLS goes through the tunnel, so of an `https` address the proxy
/// learns only the host and the port. The proxy resolves the chat's name.
#[derive(Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    authorization: Option<Secret>,
}

impl Outbound {
    /// `authorities`: certificate authorities that are trusted besides the machine's, each in DER. Without `identity` no
    /// certificate is sent. Without `proxy` the chat is reached directly.
    pub fn new(authorities: Vec<Vec<u8>>, identity: Option<Identity>, proxy: Option<Proxy>) -> Self {
        let mut hash = Sha256::new();
        let mut add = |parts: &[&[u8]]| {
            hash.update(parts.len().to_be_bytes());
            for part in parts {
                hash.update(part.len().to_be_bytes());
                hash.update(part);
            }
        };
        add(&authorities.iter().map(Vec::as_slice).collect::<Vec<_>>());
        // The key belongs to the chain's first certificate, so another key means another chain.
        let chain = identity.iter().flat_map(|Identity(of)| &of.cert);
        add(&chain.map(AsRef::as_ref).collect::<Vec<&[u8]>>());
        if let Some(Proxy {
            host,
            port,
            authorization,
        }) = &proxy
        {
            let authorization = authorization.as_ref().map_or("", Secret::expose);
            add(&[host.as_bytes(), &port.to_be_bytes(), authorization.as_bytes()]);
        }
        Self {
            fingerprint: Fingerprint(hash.finalize().into()),
            authorities,
            identity,
            proxy,
        }
    }

    /// Certificate authorities that are trusted besides the machine's, each in DER.
    pub fn authorities(&self) -> &[Vec<u8>] {
        &self.authorities
    }

    /// The certificate that is sent if the server requests one.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The proxy.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref()
    }

    /// A description for the end of a line: ` (with a certificate, through the proxy proxy.example.org:3128)`. Empty for a
    /// direct way without a certificate.
    pub fn describe(&self) -> String {
        let certificate = self.identity.iter().map(|_| "with a certificate".to_owned());
        let proxy = self.proxy.iter();
        let proxy = proxy.map(|proxy| format!("through the proxy {}", proxy.address()));
        let parts: Vec<String> = certificate.chain(proxy).collect();
        match parts.as_slice() {
            [] => String::new(),
            parts => format!(" ({})", parts.join(", ")),
        }
    }

    /// Key for sharing connections.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }
}

/// The machine's authorities, no certificate, no proxy.
impl Default for Outbound {
    fn default() -> Self {
        Self::new(Vec::new(), None, None)
    }
}

impl Identity {
    /// A chain and its key, which has to belong to the chain's first certificate.
    pub fn new(certified: CertifiedKey) -> Self {
        Self(Arc::new(certified))
    }

    /// The chain and its signer, for TLS.
    pub fn certified(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0)
    }
}

impl Proxy {
    /// `host`: as in an address (IPv6 in brackets). `credentials`: a user, without a colon, and its
    /// password.
    pub fn new(host: &str, port: u16, credentials: Option<(&str, &Secret)>) -> Self {
        let basic = |(user, password): (&str, &Secret)| {
            let credentials = Secret::new(&format!("{user}:{}", password.expose()));
            Secret::new(&format!("Basic {}", BASE64_STANDARD.encode(credentials.expose())))
        };
        Self {
            host: host.to_owned(),
            port,
            authorization: credentials.map(basic),
        }
    }

    /// `proxy.example.org:3128`.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The value of the header `Proxy-Authorization`; unset: no user is configured.
    pub fn authorization(&self) -> Option<&Secret> {
        self.authorization.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_equal_where_everything_is() {
        let password = Secret::new("p");
        let ways = || {
            [
                Outbound::default(),
                Outbound::new(vec![b"ab".to_vec()], None, None),
                Outbound::new(vec![b"a".to_vec(), b"b".to_vec()], None, None),
                Outbound::new(Vec::new(), None, Some(Proxy::new("a", 1, None))),
                Outbound::new(Vec::new(), None, Some(Proxy::new("b", 1, None))),
                Outbound::new(Vec::new(), None, Some(Proxy::new("a", 2, None))),
                Outbound::new(Vec::new(), None, Some(Proxy::new("a", 1, Some(("u", &password))))),
                Outbound::new(
                    Vec::new(),
                    None,
                    Some(Proxy::new("a", 1, Some(("u", &Secret::new("q"))))),
                ),
            ]
        };
        for (one, left) in ways().iter().enumerate() {
            for (two, right) in ways().iter().enumerate() {
                assert_eq!(
                    left.fingerprint() == right.fingerprint(),
                    one == two,
                    "{one} {two}"
                );
            }
        }
    }

    #[test]
    fn credentials_are_basic() {
        let proxy = Proxy::new("[::1]", 3128, Some(("Aladdin", &Secret::new("open sesame"))));
        let authorization = proxy.authorization().map(Secret::expose);
        assert_eq!(authorization, Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        assert_eq!(proxy.address(), "[::1]:3128");
    }
}
