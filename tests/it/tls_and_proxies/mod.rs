//! Incoming connections: TLS in the bridge, client certificates of senders, real reverse proxies. Outgoing connections: real
//! forward proxies and the client certificate of the bridge.

mod outward;
pub(crate) mod proxies;
mod tls;

use std::path::Path;
use std::process::{Command, Output};

use twake_bridge::sandbox::Limits;

use crate::harness::{TestSetup, github_signature, push};
use crate::program::{Served, output_of, output_text};

/// What curl received.
struct CurlOutput {
    /// The status of the response; 0: no response.
    status: u16,
    /// Everything that curl printed.
    text: String,
}

/// Posts an authentic push to `url` with curl, a sender that knows TLS.
async fn curl(url: String, arguments: Vec<String>) -> CurlOutput {
    let body = push("main", "Hold the door");
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--max-time",
        "30",
        "--write-out",
        "\n%{http_code}",
    ])
    .args([
        "-H",
        "content-type: application/json",
        "-H",
        "x-github-event: push",
    ])
    .args([
        "-H",
        &format!("x-hub-signature-256: {}", github_signature(body.as_bytes())),
    ])
    .args(["-H", &format!("x-github-delivery: {}", fastrand::u64(..))])
    .args(["--data-binary", &body])
    .args(arguments)
    .arg(url);
    let output = output_of(curl).await;
    let text = output_text(&output);
    let status = String::from_utf8(output.stdout).unwrap();
    let status = status
        .lines()
        .last()
        .unwrap_or_default()
        .trim()
        .parse()
        .unwrap_or(0);
    CurlOutput { status, text }
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program)
        .current_dir(folder)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A certificate authority `{name}.pem`, made by openssl.
fn authority(folder: &Path, name: &str) {
    let (key, certificate, subject) = (
        format!("{name}.key"),
        format!("{name}.pem"),
        format!("/CN={name}"),
    );
    let new = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    ];
    run(
        folder,
        "openssl",
        &[
            &new[..],
            &["-keyout", &key, "-out", &certificate, "-subj", &subject],
        ]
        .concat(),
    );
}

/// A certificate `{name}.pem` for localhost and 127.0.0.1, signed by `{authority}`.
fn certificate(folder: &Path, authority: &str, name: &str) {
    let (key, request, certificate) = (
        format!("{name}.key"),
        format!("{name}.csr"),
        format!("{name}.pem"),
    );
    let (signer, signer_key) = (format!("{authority}.pem"), format!("{authority}.key"));
    let new = [
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
    ];
    run(
        folder,
        "openssl",
        &[
            &new[..],
            &["-keyout", &key, "-out", &request, "-subj", &format!("/CN={name}")],
        ]
        .concat(),
    );
    std::fs::write(
        folder.join("extensions"),
        "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n",
    )
    .unwrap();
    let sign = [
        "x509",
        "-req",
        "-days",
        "2",
        "-CAcreateserial",
        "-extfile",
        "extensions",
    ];
    run(
        folder,
        "openssl",
        &[
            &sign[..],
            &[
                "-in",
                &request,
                "-CA",
                &signer,
                "-CAkey",
                &signer_key,
                "-out",
                &certificate,
            ],
        ]
        .concat(),
    );
}

/// A setup with a bridge whose configuration has `more` after it.
fn served(more: &str, prepare: impl FnOnce(&Path)) -> (TestSetup, Served) {
    let setup = TestSetup::with(&["dev", "ops"], Limits::default());
    prepare(setup.folder.path());
    let config = setup.write_config(more);
    let served = Served::start(&config, &setup.store());
    (setup, served)
}
