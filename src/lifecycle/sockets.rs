//! Sockets that systemd holds for us (`twake-bridge.socket`): they outlive this process, so while it is restarted or
//! upgraded connections wait instead of being refused.

use listenfd::ListenFd;
use std::net::TcpListener;

/// The listening sockets that were passed to this process, in the order of the socket unit.
#[derive(Debug, Default)]
pub struct Sockets {
    /// The first: where webhooks are taken.
    pub public: Option<TcpListener>,
    /// The second: the operator's.
    pub operator: Option<TcpListener>,
}

/// Why the sockets that were passed cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    /// It is not a listening TCP socket.
    #[error("socket {number} of the socket unit is no TCP socket (ListenStream=address:port)")]
    Kind {
        /// Which, from 1.
        number: usize,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// More than this program listens on.
    #[error(
        "the socket unit passes {0} sockets; two have a meaning: where webhooks are taken, then the operator's"
    )]
    TooMany(usize),
}

impl Sockets {
    /// Takes what was passed (`LISTEN_FDS`, `LISTEN_PID`, see sd_listen_fds(3)); nothing was, where no socket unit is.
    ///
    /// # Errors
    /// A socket is of another kind, or there are more than two.
    pub fn passed() -> Result<Self, SocketsError> {
        let mut passed = ListenFd::from_env();
        if passed.len() > 2 {
            return Err(SocketsError::TooMany(passed.len()));
        }
        let mut take = |index: usize| {
            let socket = passed.take_tcp_listener(index);
            socket.map_err(|source| SocketsError::Kind {
                number: index + 1,
                source,
            })
        };
        Ok(Self {
            public: take(0)?,
            operator: take(1)?,
        })
    }
}
