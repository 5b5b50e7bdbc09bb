//! Debian's docker-registry, with an image pushed by three HTTP calls. It repeats a request answered 4xx or 5xx forever and
//! before any later event, so none of its requests may be refused.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Running, address, tool};
use crate::harness::{TOKEN, TestBridge, TestSetup, client};

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const EVENTS: &str = "application/vnd.docker.distribution.events.v1+json";

struct Registry {
    _process: Running,
    url: String,
}

impl Registry {
    fn start(setup: &TestSetup, bridge: &str) -> Self {
        let config = setup.path("registry.yml");
        fs::write(
            &config,
            format!(
                "version: 0.1\nlog: {{ level: info }}\nhttp: {{ addr: \"127.0.0.1:0\", secret: unused }}\n\
                 storage: {{ filesystem: {{ rootdirectory: {:?} }}, delete: {{ enabled: true }} }}\n\
                 notifications:\n  endpoints:\n    - name: bridge\n      url: {bridge}/hooks/registry\n      \
                 headers: {{ Authorization: [Bearer {TOKEN}] }}\n      timeout: 5s\n      threshold: 3\n      backoff: 1s\n",
                setup.path("images").display()
            ),
        )
        .unwrap();
        let mut process = Running::start(
            Command::new(tool("docker-registry/usr/bin/docker-registry"))
                .arg("serve")
                .arg(&config),
        );
        let address = address(&process.wait_for("listening on 127.0.0.1:"));
        Self {
            _process: process,
            url: format!("http://{address}/v2"),
        }
    }

    /// Sends a request; returns a header of the response.
    async fn call(&self, method: &str, path: &str, mime: &str, body: String, header: &str) -> String {
        let url = if path.starts_with("http") {
            path.to_owned()
        } else {
            format!("{}{path}", self.url)
        };
        let answer = client()
            .request(method.parse().unwrap(), url)
            .insert_header(("content-type", mime))
            .insert_header(("accept", MANIFEST))
            .send_body(body)
            .await
            .unwrap();
        assert!(
            answer.status().is_success(),
            "{method} {path}: {}",
            answer.status()
        );
        let value = answer.headers().get(header);
        value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
    }

    /// Pushes an image; returns its digest.
    async fn push(&self, repository: &str, tag: &str) -> String {
        let config =
            json!({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}})
                .to_string();
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&config)));
        let octets = "application/octet-stream";
        let uploads = format!("/{repository}/blobs/uploads/");
        let upload = self
            .call("POST", &uploads, octets, String::new(), "location")
            .await;
        let upload = format!("{upload}&digest={digest}");
        self.call("PUT", &upload, octets, config.clone(), "location")
            .await;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "layers": [],
            "config": {"mediaType": "application/vnd.docker.container.image.v1+json", "size": config.len(), "digest": digest},
        });
        let path = format!("/{repository}/manifests/{tag}");
        self.call(
            "PUT",
            &path,
            MANIFEST,
            manifest.to_string(),
            "docker-content-digest",
        )
        .await
    }
}

fn bridge(setup: &TestSetup) -> TestBridge {
    setup.bridge("[sources.registry]\nkind = \"docker-registry\"\nsecrets = [{ file = \"token\" }]\nchannels = [\"dev\"]\n")
}

#[actix_web::test]
async fn a_push_to_a_docker_registry_is_posted_and_its_other_events_are_accepted() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let registry = Registry::start(&setup, &bridge.url);
    let digest = registry.push("library/shop", "1.4.2").await;
    let manifests = "/library/shop/manifests/";
    for (method, name) in [("GET", "1.4.2"), ("DELETE", &digest)] {
        let path = format!("{manifests}{name}");
        registry.call(method, &path, MANIFEST, String::new(), "").await;
    }
    // The last of five events in order. It would not arrive if one of them was refused.
    let posted = setup.posted("ch-dev", 3).await;
    assert!(posted[0].contains("library/shop:1.4.2"), "{posted:?}");
    assert!(
        // A word joiner follows the colon, too: `@name:` and a 36-character id would notify a user.
        posted[1].contains("deleted") && posted[1].replace('\u{2060}', "").contains(&digest[..19]),
        "{posted:?}"
    );
    assert!(
        posted[2].contains("deleted") && posted[2].contains("library/shop:1.4.2"),
        "{posted:?}"
    );
    bridge.finish().await;
    assert_eq!(setup.stored(), 5, "a layer and a pull besides");
}

#[actix_web::test]
async fn several_events_in_one_request_of_a_docker_registry_are_one_message_and_no_request_is_refused() {
    let setup = TestSetup::new();
    let bridge = bridge(&setup);
    let authorization = format!("Bearer {TOKEN}");
    let headers = [
        ("authorization", authorization.as_str()),
        ("content-type", EVENTS),
    ];
    let event = |action: &str, tag: Value| {
        json!({
            "id": format!("{action}-{tag}"), "timestamp": "2026-11-23T15:13:03.911032894Z", "action": action,
            "target": {"mediaType": MANIFEST, "size": 276, "digest": "sha256:7a696d98", "repository": "shop", "url": "https://r.example.org", "tag": tag},
            "request": {"id": "98ed3906", "host": "r.example.org", "method": "PUT"}, "actor": {}, "source": {},
        })
    };
    let bodies = [
        json!({"events": [event("push", "1.0".into()), event("push", "1.1".into())]}),
        json!({"events": [event("pull", "1.0".into())]}),
        json!({"events": [event("push", Value::Null), event("mount", Value::Null)]}),
        json!({"events": []}),
        json!({"events": null}),
        json!({"events": [{"id": "x", "action": "new"}]}),
        json!({}),
    ];
    for body in bodies {
        let answer = bridge.post("/hooks/registry", &headers, body.to_string()).await;
        assert_eq!(answer.status, 202, "{body}: {}", answer.body);
    }
    let posted = setup.posted("ch-dev", 1).await;
    assert!(
        posted[0].contains("1.0") && posted[0].contains("1.1"),
        "{posted:?}"
    );
    bridge.finish().await;
}
