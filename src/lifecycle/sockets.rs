//! Listening sockets passed by systemd (`twake-bridge.socket`). They outlive this process, so connections wait during a
//! restart or upgrade instead of being refused.

use listenfd::ListenFd;
use std::net::TcpListener;

/// The listening sockets that were passed to this process.
#[derive(Debug, Default)]
pub struct Sockets {
    /// For webhooks: the socket named `public`, otherwise the first.
    pub public: Option<TcpListener>,
    /// For the operator: the socket named `operator`, otherwise the second.
    pub operator: Option<TcpListener>,
}

/// Why the passed sockets cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SocketsError {
    /// A socket is not a listening TCP socket.
    #[error("socket {number} of the socket unit is not a TCP socket: use ListenStream=address:port")]
    Kind {
        /// The position of the socket, from 1.
        number: usize,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The unit passes more sockets than the program uses.
    #[error("the socket unit passes {0} sockets: the bridge uses one for webhooks and one for the operator")]
    TooMany(usize),
    /// Two sockets have the same name.
    #[error("two sockets have FileDescriptorName={0}; name one of them public, the other operator")]
    SameName(&'static str),
}

impl Sockets {
    /// Takes the passed sockets (`LISTEN_FDS`, `LISTEN_PID`, see sd_listen_fds(3)). Without a socket unit there are none.
    /// `names` is `LISTEN_FDNAMES`. The operator cannot choose the order of several socket units, so
    /// `FileDescriptorName=public` or `=operator` takes precedence over the position.
    ///
    /// # Errors
    /// A socket is not a listening TCP socket, there are more than two, or two have the same name.
    pub fn passed(names: Option<&str>) -> Result<Self, SocketsError> {
        let mut passed = ListenFd::from_env();
        let [public, operator] = assign(passed.len(), names.unwrap_or_default())?;
        let mut take = |index: Option<usize>| match index {
            None => Ok(None),
            Some(index) => {
                let socket = passed.take_tcp_listener(index);
                socket.map_err(|source| SocketsError::Kind {
                    number: index + 1,
                    source,
                })
            }
        };
        Ok(Self {
            public: take(public)?,
            operator: take(operator)?,
        })
    }
}

/// Returns the indexes of the public and of the operator's socket among `count` sockets.
fn assign(count: usize, names: &str) -> Result<[Option<usize>; 2], SocketsError> {
    if count > 2 {
        return Err(SocketsError::TooMany(count));
    }
    let names: Vec<&str> = names.split(':').take(count).collect();
    let mut assigned = [None; 2];
    for (meaning, slot) in ["public", "operator"].into_iter().zip(&mut assigned) {
        let mut matching = (0..names.len()).filter(|index| names.get(*index) == Some(&meaning));
        *slot = matching.next();
        if matching.next().is_some() {
            return Err(SocketsError::SameName(meaning));
        }
    }
    for index in 0..count {
        if !assigned.contains(&Some(index))
            && let Some(slot) = assigned.iter_mut().find(|slot| slot.is_none())
        {
            *slot = Some(index);
        }
    }
    Ok(assigned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_takes_precedence_over_the_position() {
        for (count, names, public, operator) in [
            (0, "", None, None),
            (1, "", Some(0), None),
            (2, "", Some(0), Some(1)),
            (2, "twake-bridge.socket:twake-bridge.socket", Some(0), Some(1)),
            (2, "public:operator", Some(0), Some(1)),
            (2, "operator:public", Some(1), Some(0)),
            (2, "operator:twake-bridge.socket", Some(1), Some(0)),
            (2, "twake-bridge.socket:public", Some(1), Some(0)),
            (1, "operator", None, Some(0)),
            (1, "public", Some(0), None),
            (1, "x:operator", Some(0), None),
        ] {
            assert_eq!(
                assign(count, names).unwrap(),
                [public, operator],
                "{count} {names}"
            );
        }
        for (count, names, why) in [
            (3, "", "passes 3 sockets"),
            (2, "operator:operator", "FileDescriptorName=operator"),
            (2, "public:public", "FileDescriptorName=public"),
        ] {
            let error = assign(count, names).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }
}
