//! The sandbox's HTTP: the imitated API, the admin's calls, the page.

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

/// Seconds for requests in flight when the sandbox stops. Hanging and slow responses end immediately.
const GRACE: u64 = 2;

/// A sandbox that listens, but does not respond yet.
pub struct Sandbox {
    listener: TcpListener,
    handle: SandboxHandle,
}

impl Sandbox {
    /// Binds the address. From then on connections wait for [`Sandbox::run`].
    pub fn bind(settings: SandboxSettings, clock: Clock) -> io::Result<Self> {
        let listener = TcpListener::bind(&settings.listen)?;
        let url = url(listener.local_addr()?)?;
        let handle = SandboxHandle::new(settings, clock, url);
        Ok(Self { listener, handle })
    }

    /// The address of the page, which is also the base address of the API.
    pub fn url(&self) -> &Url {
        self.handle.url()
    }

    /// A handle for the same process.
    pub fn handle(&self) -> SandboxHandle {
        self.handle.clone()
    }

    /// Serves until `stop`, which also ends hanging and slow responses.
    pub async fn run(self, stop: CancellationToken) -> io::Result<()> {
        let handle = self.handle.clone();
        // Also when this future is dropped, so that no caller waits for a sandbox that is gone.
        let stopped = handle.stopped().clone().drop_guard();
        let factory = move || {
            App::new()
                .app_data(web::Data::new(handle.clone()))
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
                .default_service(web::to(call::call))
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

/// The connection of a request, for [`super::Fault::Reset`] and responses that actix would not write.
struct Connection(std::net::TcpStream);

#[cfg(unix)]
fn remember_connection(connection: &dyn Any, extensions: &mut Extensions) {
    use std::os::fd::AsFd as _;
    let stream = connection.downcast_ref::<TcpStream>();
    if let Some(own) = stream.and_then(|stream| stream.as_fd().try_clone_to_owned().ok()) {
        extensions.insert(Connection(own.into()));
    }
}

/// Elsewhere a connection is closed instead of reset.
#[cfg(not(unix))]
fn remember_connection(_: &dyn Any, _: &mut Extensions) {}

/// The address for a browser: an unspecified one becomes the loopback.
fn url(mut address: SocketAddr) -> io::Result<Url> {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    Url::parse(&format!("http://{address}/")).map_err(io::Error::other)
}
