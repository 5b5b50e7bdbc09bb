//! Every response of the operator's API has the form that `/api/openapi.json` describes.

use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::harness::{TestBridge, TestSetup, client, push};
use twake_bridge::sandbox::Fault;

/// The description, and the operations that were tried with a successful response.
struct Description {
    document: Value,
    schemas: boon::Schemas,
    compiler: boon::Compiler,
    tried: BTreeSet<String>,
}

impl Description {
    async fn of(bridge: &TestBridge) -> Self {
        let (status, document) = call(bridge, "GET", "/api/openapi.json", None).await;
        assert_eq!(status, 200);
        let mut compiler = boon::Compiler::new();
        compiler.enable_format_assertions();
        compiler.add_resource("openapi.json", document.clone()).unwrap();
        Self {
            document,
            schemas: boon::Schemas::new(),
            compiler,
            tried: BTreeSet::from(["GET /api/openapi.json".to_owned()]),
        }
    }

    /// Calls an operation, checks the request and the response, and returns the response.
    async fn call(
        &mut self,
        bridge: &TestBridge,
        (method, template): (&str, &str),
        path: &str,
        body: Option<Value>,
    ) -> Value {
        let operation = &self.document["paths"][template][method.to_lowercase()];
        assert!(operation.is_object(), "{method} {template} is not described");
        let at = format!("/paths/{}/{}", template.replace('/', "~1"), method.to_lowercase());
        let query = path.split_once('?').map_or("", |(_, query)| query);
        for parameter in query.split('&').filter_map(|pair| pair.split_once('=')) {
            let described = operation["parameters"].as_array().unwrap().iter();
            let mut names = described.map(|described| &described["name"]);
            assert!(names.any(|name| name == parameter.0), "{path}");
        }
        if let Some(body) = &body {
            self.check(
                &format!("{at}/requestBody/content/application~1json/schema"),
                body,
                path,
            );
        }
        let (status, answer) = call(bridge, method, path, body).await;
        if status == 200 {
            self.tried.insert(format!("{method} {template}"));
            self.check(
                &format!("{at}/responses/200/content/application~1json/schema"),
                &answer,
                path,
            );
        } else {
            let described = &self.document["paths"][template][method.to_lowercase()]["responses"];
            assert!(
                described[status.to_string()].is_object(),
                "{status} of {path}: {answer}"
            );
            self.check("/components/schemas/Problem", &answer, path);
        }
        answer
    }

    fn check(&mut self, schema: &str, value: &Value, what: &str) {
        let place = format!("openapi.json#{}", schema.replace('{', "%7B").replace('}', "%7D"));
        let index = self.compiler.compile(&place, &mut self.schemas);
        let index = index.unwrap_or_else(|error| panic!("{place}: {error:#}"));
        if let Err(faults) = self.schemas.validate(value, index) {
            panic!("{what}: {faults:#}\n{value:#}");
        }
    }

    /// Every described operation.
    fn operations(&self) -> BTreeSet<String> {
        let paths = self.document["paths"].as_object().unwrap().iter();
        let operations = paths.flat_map(|(path, operations)| {
            let methods = operations.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        operations.collect()
    }
}

async fn call(bridge: &TestBridge, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    let method = awc::http::Method::from_bytes(method.as_bytes()).unwrap();
    let request = client().request(method, format!("{}{path}", bridge.operator));
    let request = request.insert_header(("x-twake-bridge", "1"));
    let mut answer = match body {
        Some(body) => request.send_json(&body).await.unwrap(),
        None => request.send().await.unwrap(),
    };
    let body = answer.body().limit(1 << 20).await.unwrap();
    (
        answer.status().as_u16(),
        serde_json::from_slice(&body).unwrap_or_default(),
    )
}

#[actix_web::test]
async fn every_response_of_the_api_is_as_described() {
    let setup = TestSetup::new();
    let bridge = setup.bridge("");
    let mut api = Description::of(&bridge).await;
    // A delivered event, a dead letter, a waiting event, and an event that is skipped.
    bridge.github("push", "d-1", &push("main", "delivered")).await;
    bridge.idle().await;
    setup.sandbox.set_fault(Some("ch-dev"), Some(Fault::TooLarge));
    let dead = bridge.github("push", "d-2", &push("main", "dead")).await.body["event"].clone();
    let dead = dead.as_str().unwrap().to_owned();
    bridge.idle().await;
    setup.take_twake_down();
    setup.sandbox.set_fault(Some("ch-dev"), None);
    let waiting = bridge.github("push", "d-3", &push("main", "waiting")).await.body["event"].clone();
    let waiting = waiting.as_str().unwrap().to_owned();
    bridge.github("ping", "d-4", "{}").await;
    setup
        .sandbox
        .wait_for_attempts("ch-dev", |attempts| attempts.len() >= 3)
        .await;

    let get = |path: &'static str| ("GET", path);
    let post = |path: &'static str| ("POST", path);
    let all = api.call(&bridge, get("/api/events"), "/api/events", None).await;
    assert!(all["events"].as_array().unwrap().len() >= 4, "{all}");
    let page = "/api/events?source=github&state=dead&channel=dev&limit=1&since=2020-01-01T00:00:00Z";
    let page = api.call(&bridge, get("/api/events"), page, None).await;
    assert_eq!(page["events"][0]["id"], dead.as_str());
    api.call(&bridge, get("/api/events"), "/api/events?state=lost", None)
        .await;
    for event in all["events"].as_array().unwrap() {
        let path = format!("/api/events/{}", event["id"].as_str().unwrap());
        api.call(&bridge, get("/api/events/{id}"), &path, None).await;
    }
    let explanation = get("/api/events/{id}/explanation");
    for event in all["events"].as_array().unwrap() {
        let path = format!("/api/events/{}/explanation", event["id"].as_str().unwrap());
        api.call(&bridge, explanation, &path, None).await;
    }
    for wrong in ["/api/events/x", "/api/events/ffffffff"] {
        api.call(&bridge, get("/api/events/{id}"), wrong, None).await;
    }
    let (status, body) = call(&bridge, "GET", &format!("/api/events/{dead}/body"), None).await;
    assert!(status == 200 && body["head_commit"]["message"] == "dead");
    api.tried.insert("GET /api/events/{id}/body".to_owned());

    let replay = post("/api/events/{id}/replay");
    let path = format!("/api/events/{dead}/replay");
    for request in [
        json!({ "dry_run": true }),
        json!({ "as_stored": true, "channel": "dev" }),
    ] {
        api.call(&bridge, replay, &path, Some(request)).await;
    }
    let discard = post("/api/events/{id}/discard");
    let path = format!("/api/events/{waiting}/discard");
    let discarded = api
        .call(&bridge, discard, &path, Some(json!({ "channel": null })))
        .await;
    assert_eq!(discarded["channels"], json!(["dev"]));
    api.call(&bridge, get("/api/channels"), "/api/channels", None)
        .await;
    let step = post("/api/channels/move");
    for to in ["ops", "nowhere"] {
        let request = json!({ "from": "dev", "to": to });
        api.call(&bridge, step, "/api/channels/move", Some(request)).await;
    }
    for (pause, name) in [("channel", "dev"), ("source", "github")] {
        let request = json!({ pause: name, "why": "a test" });
        api.call(&bridge, post("/api/pause"), "/api/pause", Some(request))
            .await;
        api.call(&bridge, get("/api/channels"), "/api/channels", None)
            .await;
        api.call(&bridge, get("/api/sources"), "/api/sources", None).await;
        let request = json!({ pause: name });
        api.call(&bridge, post("/api/resume"), "/api/resume", Some(request))
            .await;
    }
    api.call(&bridge, post("/api/pause"), "/api/pause", Some(json!({})))
        .await;
    api.call(
        &bridge,
        post("/api/test"),
        "/api/test",
        Some(json!({ "channel": "ops" })),
    )
    .await;
    api.call(&bridge, get("/api/overview"), "/api/overview", None)
        .await;
    api.call(&bridge, get("/api/audit"), "/api/audit?limit=2", None)
        .await;
    let refused = api
        .call(&bridge, post("/api/reload"), "/api/reload", Some(json!({})))
        .await;
    assert_eq!(refused["code"], "not-reloadable");
    // A bridge that was not started from a file refuses it. Its success is the command's, which has tests of its own.
    let reloaded = json!({ "applied": true, "findings": ["a"], "restart": [] });
    api.check("/components/schemas/Reloaded", &reloaded, "reload");
    api.tried.insert("POST /api/reload".to_owned());
    assert_eq!(api.tried, api.operations());
    setup.sandbox.set_fault(None, None);
    bridge.finish().await;
}

#[test]
fn every_route_of_the_api_is_described() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/http");
    let document = fs::read_to_string(root.join("openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&document).unwrap();
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let described = document["paths"].as_object().unwrap().keys().cloned();
    let routes = fs::read_to_string(root.join("mod.rs")).unwrap();
    let routes = routes.split(".route(\"").skip(1);
    let routes = routes.map(|route| route.split('"').next().unwrap().to_owned());
    let routes: BTreeSet<String> = routes.filter(|route| route.starts_with("/api/")).collect();
    assert_eq!(described.collect::<BTreeSet<String>>(), routes);
}
