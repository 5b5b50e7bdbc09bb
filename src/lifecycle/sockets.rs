//! Sockets that systemd holds for us (`twake-bridge.socket`): they outlive this process, so while it is restarted or
//! upgraded connections wait instead of being refused.

use listenfd::ListenFd;
use std::net::TcpListener;

/// The listening sockets that were passed to this process.
#[derive(Debug, Default)]
pub struct Sockets {
    /// Named `public`, else the first: where webhooks are taken.
    pub public: Option<TcpListener>,
    /// Named `operator`, else the second: the operator's.
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
    /// Two have the same meaning.
    #[error("two sockets have FileDescriptorName={0}; name one of them public, the other operator")]
    SameName(&'static str),
}

impl Sockets {
    /// Takes what was passed (`LISTEN_FDS`, `LISTEN_PID`, see sd_listen_fds(3)); nothing was, where no socket unit is.
    /// `names` is `LISTEN_FDNAMES`: where systemd starts several socket units their order is not the operator's to choose,
    /// so a socket's `FileDescriptorName=public` or `=operator` goes before its place.
    ///
    /// # Errors
    /// A socket is of another kind, there are more than two, or two have the same name.
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

/// Which of `count` sockets is the public one and which the operator's.
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
    fn a_name_goes_before_the_place() {
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
