use super::*;
use crate::message::{Block, Document, Inline, Readers, StoredMessage};
use crate::secret::Secret;
use crate::twake;
use crate::twake::Reason;
use crate::twake::messages_save::{Account, Destination};
use crate::twake::outbound::Proxy;
use crate::twake::{Job, VerdictKind};
use actix_tls::connect::Resolve;
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

fn outbound(proxy: Option<&str>) -> Arc<Outbound> {
    let proxy = proxy.map(|host| Proxy::new(host, 3128, None));
    Arc::new(Outbound::new(Vec::new(), None, proxy))
}

/// Otherwise reloads would collect clients, and the keys of replaced certificates.
#[actix_web::test]
async fn a_client_without_an_account_is_dropped_when_another_one_is_made() {
    let client = Client::new(&Tls::new().unwrap(), Clock::system(), Duration::from_secs(1));
    let ways = || client.http.borrow().len();
    let (kept, same) = (outbound(None), outbound(None));
    let mut renewed = outbound(Some("a"));
    for outbound in [&kept, &renewed, &same] {
        client.http(outbound, true).unwrap();
    }
    assert_eq!(ways(), 2, "the same way is made once");
    drop(kept);
    for host in ["b", "c", "d"] {
        renewed = outbound(Some(host));
        client.http(&renewed, true).unwrap();
        assert_eq!(ways(), 2, "those of `same` and of `renewed`");
    }
    drop((same, renewed));
    client.http(&outbound(Some("e")), true).unwrap();
    assert_eq!(ways(), 1);
}

/// A name whose address changes.
#[derive(Clone)]
struct Names(Rc<Cell<Option<SocketAddr>>>);

impl Resolve for Names {
    fn lookup<'a>(
        &'a self,
        _: &'a str,
        _: u16,
    ) -> LocalBoxFuture<'a, Result<Vec<SocketAddr>, Box<dyn std::error::Error>>> {
        let known = self.0.get().map(|address| vec![address]);
        async move { known.ok_or_else(|| "no such name".into()) }.boxed_local()
    }
}

/// What a server does after its first response on a connection.
#[derive(Clone, Copy, Debug)]
enum Then {
    Answers,
    Closes,
    /// Reads and sends nothing, as if no server were at the address any more.
    Swallows,
}

/// A server, as seen from outside.
struct Served {
    address: SocketAddr,
    /// How many requests it has read.
    read: watch::Receiver<usize>,
    /// How many of them get no response.
    swallowed: watch::Receiver<usize>,
}

async fn server(then: Then) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (read, swallowed) = (watch::Sender::new(0), watch::Sender::new(0));
    let served = Served {
        address,
        read: read.subscribe(),
        swallowed: swallowed.subscribe(),
    };
    actix_web::rt::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            actix_web::rt::spawn(serve(stream, then, read.clone(), swallowed.clone()));
        }
    });
    served
}

async fn serve(
    mut stream: TcpStream,
    then: Then,
    read: watch::Sender<usize>,
    swallowed: watch::Sender<usize>,
) -> std::io::Result<()> {
    let mut answered = 0;
    let mut request = Vec::new();
    while stream.read_buf(&mut request).await? > 0 {
        if !request.ends_with(b"}}") {
            continue;
        }
        request.clear();
        read.send_modify(|count| *count += 1);
        if answered > 0 && matches!(then, Then::Swallows) {
            swallowed.send_modify(|count| *count += 1);
            continue;
        }
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 24\r\n\r\n{\"object\":{\"id\":\"5fca\"}}";
        stream.write_all(answer).await?;
        answered += 1;
        if matches!(then, Then::Closes) {
            return Ok(());
        }
    }
    Ok(())
}

fn hello() -> StoredMessage {
    let paragraph = Block::Paragraph(vec![Inline::Text("hello".to_owned())]);
    StoredMessage::new(Document {
        blocks: vec![paragraph],
    })
}

/// Posts. Moves the clock when a server has a request that gets no response.
async fn posted(client: &Client, destination: &twake::Destination, old: &mut Served) -> Verdict {
    let (message, stop) = (hello(), CancellationToken::new());
    let job = Job::post(uuid::Uuid::nil(), 1, destination, &message);
    tokio::select! {
        (verdict, _) = client.perform(Task::Deliver(job), &stop) => verdict,
        () = async {
            while old.swallowed.changed().await.is_ok() {
                client.clock.advance(client.timeout);
            }
            std::future::pending::<()>().await;
        } => unreachable!("never ends"),
    }
}

#[actix_web::test]
async fn a_changed_address_is_followed_and_no_dead_connection_is_kept() {
    for then in [Then::Answers, Then::Closes, Then::Swallows] {
        let mut old = server(then).await;
        let new = server(Then::Answers).await;
        let names = Names(Rc::new(Cell::new(Some(old.address))));
        let clock = Clock::manual("2026-03-01T10:00:00Z".parse().unwrap());
        let mut client = Client::new(&Tls::new().unwrap(), clock.clone(), Duration::from_secs(30));
        client.resolver = Resolver::custom(names.clone());
        let account = Account {
            name: "main".to_owned(),
            url: "http://twake.example.org".parse().unwrap(),
            public_id: String::new(),
            private_api_key: Secret::new(""),
            outbound: outbound(None),
        };
        let destination = Destination {
            account: Arc::new(account),
            group_id: "company".to_owned(),
            channel_id: "dev".to_owned(),
            rate: None,
            readers: Readers::default(),
            conversations: true,
        }
        .into();
        assert_eq!(
            posted(&client, &destination, &mut old).await.reason,
            Reason::Delivered
        );
        names.0.set(Some(new.address));
        let second = posted(&client, &destination, &mut old).await;
        match (then, second.kind) {
            // A working connection is used for some more seconds.
            (_, VerdictKind::Delivered(_)) => {}
            (Then::Swallows, _) => {
                assert_eq!((second.reason, second.may_be_duplicate), (Reason::TimedOut, true));
            }
            (then, kind) => panic!("{then:?}: {kind:?}"),
        }
        if !matches!(then, Then::Answers) {
            assert_eq!(
                posted(&client, &destination, &mut old).await.reason,
                Reason::Delivered,
                "{then:?}"
            );
            assert!(*new.read.borrow() > 0, "{then:?}: the new address is used");
        }
        // The name has no address for a while: nothing was sent.
        names.0.set(None);
        let mut fresh = Client::new(&Tls::new().unwrap(), clock.clone(), Duration::from_secs(30));
        fresh.resolver = Resolver::custom(names.clone());
        let unknown = posted(&fresh, &destination, &mut old).await;
        assert_eq!(
            (unknown.reason, unknown.may_be_duplicate),
            (Reason::Unresolved, false)
        );
        names.0.set(Some(new.address));
        assert_eq!(
            posted(&fresh, &destination, &mut old).await.reason,
            Reason::Delivered
        );
    }
}
