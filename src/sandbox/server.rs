//! The sandbox's HTTP: Twake's paths, the admin's calls, the page.

mod admin;
mod call;
mod oddity;

use std::any::Any;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use actix_web::{App, HttpServer, web};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::handle::SandboxHandle;
use super::page;
use super::settings::SandboxSettings;
use crate::clock::Clock;

/// Seconds for requests in flight when the sandbox stops; those that wait on purpose end at once.
const GRACE: u64 = 2;

/// A sandbox that listens, but does not answer yet.
pub struct Sandbox {
    listener: TcpListener,
    handle: SandboxHandle,
}

impl Sandbox {
    /// Takes the address. From here on connections wait for [`Sandbox::run`].
    pub fn bind(settings: SandboxSettings, clock: Clock) -> io::Result<Self> {
        let listener = TcpListener::bind(&settings.listen)?;
        let url = url(listener.local_addr()?)?;
        let handle = SandboxHandle::new(settings, clock, url);
        Ok(Self { listener, handle })
    }

    /// Where the page is, and the base address of the API.
    pub fn url(&self) -> &Url {
        self.handle.url()
    }

    /// The sandbox from inside.
    pub fn handle(&self) -> SandboxHandle {
        self.handle.clone()
    }

    /// Answers until `stop`. Hanging and slow answers end then, too.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let handle = self.handle.clone();
        // Also when this future is dropped: nobody hangs on a sandbox that is gone.
        let stopped = handle.stopped().clone().drop_guard();
        let factory = move || {
            App::new()
                .app_data(web::Data::new(handle.clone()))
                .route("/api/v1/messages/save", web::post().to(call::save))
                .service(
                    web::scope("/sandbox")
                        .route("/messages", web::get().to(admin::messages))
                        .route("/attempts", web::get().to(admin::attempts))
                        .route("/faults", web::get().to(admin::faults))
                        .route("/faults", web::post().to(admin::set_fault))
                        .route("/faults", web::delete().to(admin::clear_faults))
                        .route("/version", web::get().to(admin::version))
                        .route("/style.css", web::get().to(page::style))
                        .route("/page.js", web::get().to(page::script)),
                )
                .route("/", web::get().to(page::show))
                .default_service(web::to(call::unknown))
        };
        let server = HttpServer::new(factory)
            .workers(1)
            .on_connect(remember_connection)
            .disable_signals()
            .shutdown_timeout(GRACE)
            .listen(self.listener)?
            .run();
        let server_handle = server.handle();
        tokio::pin!(server);
        tokio::select! {
            ended = &mut server => return ended,
            () = stop.cancelled() => {}
        }
        drop(stopped);
        let ((), ended) = tokio::join!(server_handle.stop(true), server);
        ended
    }
}

/// The connection a request came on, for [`super::Fault::Reset`] and answers that no server would write.
struct Connection(std::net::TcpStream);

#[cfg(unix)]
fn remember_connection(connection: &dyn Any, extensions: &mut Extensions) {
    use std::os::fd::AsFd as _;
    let stream = connection.downcast_ref::<TcpStream>();
    if let Some(own) = stream.and_then(|stream| stream.as_fd().try_clone_to_owned().ok()) {
        extensions.insert(Connection(own.into()));
    }
}

/// Elsewhere a connection that is to be reset is closed.
#[cfg(not(unix))]
fn remember_connection(_: &dyn Any, _: &mut Extensions) {}

/// The address as a browser takes it: one that means "everywhere" becomes the loopback.
fn url(mut address: SocketAddr) -> io::Result<Url> {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Url::parse(&format!("http://{address}/")).map_err(io::Error::other)
}
