//! Access control before authentication: client addresses and client certificates. Neither authenticates an event; both
//! only refuse other senders.

use core::net::IpAddr;
use ipnet::IpNet;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use std::sync::Arc;
use std::time::Duration;

/// Maximum number of addresses in `X-Forwarded-For`.
const MOST_HOPS: usize = 32;

/// The access rules of one source.
#[derive(Clone, Default)]
pub struct Admission {
    /// The allowed client addresses. If empty, all are allowed.
    pub allow: Vec<IpNet>,
    /// The authority of client certificates. If unset, no certificate is needed.
    pub authority: Option<Authority>,
}

/// Why access is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessDenied {
    /// The address is not allowed.
    Address,
    /// The client sent no certificate.
    NoCertificate,
    /// The certificate is expired, for another purpose, or from another authority.
    Certificate,
}

impl Admission {
    /// Returns whether the rules allow every request.
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.authority.is_none()
    }

    /// Checks the address of a request and the certificates of its connection (the client's own first).
    ///
    /// # Errors
    /// The reason why access is denied. With an allow list, an unknown address (`None`) is denied.
    pub fn admits(
        &self,
        address: Option<IpAddr>,
        certificates: &[CertificateDer<'_>],
        now: Timestamp,
    ) -> Result<(), AccessDenied> {
        let known = address.is_some_and(|address| self.allow.iter().any(|net| net.contains(&address)));
        if !self.allow.is_empty() && !known {
            return Err(AccessDenied::Address);
        }
        let Some(authority) = &self.authority else {
            return Ok(());
        };
        let (own, between) = certificates.split_first().ok_or(AccessDenied::NoCertificate)?;
        let since_1970 = u64::try_from(now.as_second()).unwrap_or_default();
        let now = UnixTime::since_unix_epoch(Duration::from_secs(since_1970));
        let verified = authority.0.verify_client_cert(own, between, now);
        verified.map(drop).map_err(|_| AccessDenied::Certificate)
    }
}

/// Certificate authorities that sign client certificates.
#[derive(Clone)]
pub struct Authority(Arc<dyn ClientCertVerifier>);

impl Authority {
    /// Creates an authority from certificates in DER.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the certificates.
    pub fn of(certificates: Vec<Vec<u8>>) -> Result<Self, String> {
        let mut roots = rustls::RootCertStore::empty();
        for certificate in certificates {
            let added = roots.add(CertificateDer::from(certificate));
            added.map_err(|error| error.to_string())?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        Ok(Self(verifier.map_err(|error| error.to_string())?))
    }
}

/// The proxies whose `X-Forwarded-For` is trusted.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(pub Vec<IpNet>);

impl TrustedProxies {
    /// Returns whether the other end of a connection is a trusted proxy.
    pub fn trusts(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|net| net.contains(&peer))
    }

    /// Returns the address of the sender. `peer` is the other end of the connection; `forwarded` holds the values of
    /// its `X-Forwarded-For` headers, in order.
    ///
    /// Each proxy appends the address of its own peer. The last address that is not a trusted proxy is the sender's;
    /// anybody may have written the addresses before it. Returns `None` if a trusted proxy wrote something that is not
    /// an address, or if there are more than 32 addresses.
    pub fn sender<'a>(
        &self,
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a [u8]>,
    ) -> Option<IpAddr> {
        let mut address = peer.to_canonical();
        let hops = forwarded
            .rev()
            .flat_map(|value| value.rsplit(|byte| *byte == b','));
        for (number, hop) in hops.enumerate() {
            if !self.trusts(address) {
                return Some(address);
            }
            if number == MOST_HOPS {
                return None;
            }
            // Earlier parts of the value may not be UTF-8, so only this part is converted.
            let hop = str::from_utf8(hop).ok()?;
            address = parse_address(hop.trim())?.to_canonical();
        }
        Some(address)
    }
}

/// Parses an address with or without a port.
fn parse_address(hop: &str) -> Option<IpAddr> {
    if let Some(inside) = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')) {
        return inside.parse().map(IpAddr::V6).ok();
    }
    let with_port = || hop.parse::<core::net::SocketAddr>().map(|address| address.ip());
    hop.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(nets: &[&str]) -> Vec<IpNet> {
        nets.iter().map(|net| net.parse().unwrap()).collect()
    }

    /// Returns the sender's address for a peer and its headers.
    fn sender(proxies: &[&str], peer: &str, forwarded: &[&[u8]]) -> Option<String> {
        let proxies = TrustedProxies(nets(proxies));
        let found = proxies.sender(peer.parse().unwrap(), forwarded.iter().copied());
        found.map(|address| address.to_string())
    }

    #[test]
    fn the_last_address_that_is_not_a_trusted_proxy_is_the_senders() {
        let proxies = ["127.0.0.1/32", "10.0.0.0/8", "::1/128"];
        for (peer, forwarded, expected) in [
            // No proxy: the header is ignored.
            ("192.0.2.7", &[&b"198.51.100.1"[..]][..], Some("192.0.2.7")),
            ("192.0.2.7", &[b"127.0.0.1"], Some("192.0.2.7")),
            ("::ffff:192.0.2.7", &[b"198.51.100.1"], Some("192.0.2.7")),
            ("127.0.0.1", &[], Some("127.0.0.1")),
            ("127.0.0.1", &[b"192.0.2.7"], Some("192.0.2.7")),
            // Formats of an address.
            ("127.0.0.1", &[b"  192.0.2.7\t"], Some("192.0.2.7")),
            ("::1", &[b"192.0.2.7:4711"], Some("192.0.2.7")),
            ("::1", &[b"2001:db8::1"], Some("2001:db8::1")),
            ("::1", &[b"[2001:db8::1]"], Some("2001:db8::1")),
            ("::ffff:127.0.0.1", &[b"[2001:db8::1]:443"], Some("2001:db8::1")),
            ("::1", &[b"::ffff:192.0.2.7"], Some("192.0.2.7")),
            ("::1", &[b"[::ffff:192.0.2.7]:443"], Some("192.0.2.7")),
            // Several proxies, in one header or in several.
            (
                "127.0.0.1",
                &[b"198.51.100.1, 192.0.2.7, 10.1.2.3"],
                Some("192.0.2.7"),
            ),
            (
                "127.0.0.1",
                &[b"198.51.100.1", b"192.0.2.7", b"10.1.2.3"],
                Some("192.0.2.7"),
            ),
            (
                "127.0.0.1",
                &[b"198.51.100.1,192.0.2.7", b"[::ffff:10.1.2.3]:80,::1"],
                Some("192.0.2.7"),
            ),
            ("127.0.0.1", &[b"10.0.0.1, 10.0.0.2"], Some("10.0.0.1")),
            // Values that the sender wrote change nothing.
            ("127.0.0.1", &[b"\xff\xfe, 192.0.2.7"], Some("192.0.2.7")),
            (
                "127.0.0.1",
                &[b"\xff", b"", b",,", b"192.0.2.7"],
                Some("192.0.2.7"),
            ),
            (
                "127.0.0.1",
                &[b"for=10.0.0.1;by=x, unknown, 192.0.2.7"],
                Some("192.0.2.7"),
            ),
            ("127.0.0.1", &[b"10.0.0.1\\, 192.0.2.7"], Some("192.0.2.7")),
            // Invalid values of a trusted proxy.
            ("127.0.0.1", &[b"198.51.100.1, unknown"], None),
            ("127.0.0.1", &[b""], None),
            ("127.0.0.1", &[b"192.0.2.7,"], None),
            ("127.0.0.1", &[b"192.0.2.7", b""], None),
            ("127.0.0.1", &[b"192.0.2.\xff"], None),
            ("127.0.0.1", &[b"192.0.2.7 10.0.0.1"], None),
            ("127.0.0.1", &[b"192.0.02.7"], None),
            ("127.0.0.1", &[b"192.0.2"], None),
            ("127.0.0.1", &[b"3221225991"], None),
            ("127.0.0.1", &[b"\"192.0.2.7\""], None),
            ("127.0.0.1", &[b"192.0.2.7:"], None),
            ("127.0.0.1", &[b"192.0.2.7:70000"], None),
            ("127.0.0.1", &[b"[192.0.2.7"], None),
            ("127.0.0.1", &[b"[192.0.2.7]"], None),
            ("127.0.0.1", &[b"[[::1]]"], None),
            ("127.0.0.1", &[b"fe80::1%eth0"], None),
            ("127.0.0.1", &[b"localhost"], None),
            ("127.0.0.1", &[b"for=192.0.2.7"], None),
        ] {
            let found = sender(&proxies, peer, forwarded);
            let shown: Vec<_> = forwarded.iter().map(|value| value.escape_ascii()).collect();
            assert_eq!(found.as_deref(), expected, "{peer} {shown:?}");
        }
        assert_eq!(
            sender(&[], "127.0.0.1", &[b"192.0.2.7"]).as_deref(),
            Some("127.0.0.1")
        );
    }

    #[test]
    fn too_many_hops_give_no_address() {
        let sender = |hops: usize| {
            let many = vec!["10.0.0.1"; hops].join(", ");
            sender(&["10.0.0.0/8"], "10.0.0.1", &[many.as_bytes()])
        };
        assert_eq!(sender(MOST_HOPS).as_deref(), Some("10.0.0.1"));
        assert_eq!(sender(MOST_HOPS + 1), None);
        assert_eq!(sender(100_000), None);
    }

    #[test]
    fn an_allow_list_denies_other_and_unknown_addresses() {
        let admission = Admission {
            allow: nets(&["192.0.2.0/24", "2001:db8::/32"]),
            authority: None,
        };
        let now = Timestamp::UNIX_EPOCH;
        for (address, expected) in [
            (Some("192.0.2.255"), Ok(())),
            (Some("2001:db8:1::"), Ok(())),
            (Some("192.0.3.0"), Err(AccessDenied::Address)),
            (None, Err(AccessDenied::Address)),
        ] {
            let address = address.map(|address| address.parse().unwrap());
            assert_eq!(admission.admits(address, &[], now), expected);
        }
        assert!(Admission::default().is_open() && !admission.is_open());
    }
}
