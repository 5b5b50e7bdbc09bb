//! Access to the operator's listener: the page that causes a request, the login, the names of the listener.

use super::{FORM, PAGES, location, page};
use crate::harness::{TestSetup, push};

const TOKEN: &str = "operator-token-0123456789";
const BEARER: (&str, &str) = ("authorization", "Bearer operator-token-0123456789");
const WITH_TOKEN: &str = "[operator]\ntoken = { file = \"operator\" }\n";

fn setup() -> TestSetup {
    let setup = TestSetup::new();
    std::fs::write(setup.path("operator"), TOKEN).unwrap();
    setup
}

#[actix_web::test]
async fn every_answer_of_the_operators_listener_has_the_policy_headers() {
    let setup = setup();
    for more in ["", WITH_TOKEN] {
        let bridge = setup.bridge(more);
        let home = bridge.ask("GET", "/console", &[BEARER], "").await.text;
        let style = home.split('"').find(|address| address.contains(".css")).unwrap();
        let paths = [
            "/",
            "/console/login",
            "/console/nowhere",
            "/nowhere",
            "/health",
            "/health/ready",
            "/metrics",
            "/api/events",
            "/api/events/0198",
            style,
        ];
        for path in paths.iter().chain(&PAGES) {
            for (method, headers) in [
                ("GET", vec![]),
                ("GET", vec![("host", "evil.example")]),
                ("POST", vec![("origin", "http://evil.example")]),
                ("PUT", vec![("x-twake-bridge", "1")]),
                ("HEAD", vec![BEARER]),
            ] {
                let answer = bridge.ask(method, path, &headers, "").await;
                for (name, value) in [
                    ("x-content-type-options", "nosniff"),
                    ("referrer-policy", "no-referrer"),
                    ("cross-origin-opener-policy", "same-origin"),
                    ("cross-origin-resource-policy", "same-origin"),
                ] {
                    assert_eq!(answer.header(name), Some(value), "{method} {path} {headers:?}");
                }
                let policy = answer.header("content-security-policy").unwrap();
                for part in [
                    "default-src 'none'",
                    "script-src 'self'",
                    "frame-ancestors 'none'",
                    "form-action 'self'",
                    "base-uri 'none'",
                ] {
                    assert!(policy.contains(part), "{part} in {policy}");
                }
                assert!(!policy.contains("unsafe"), "{policy}");
            }
        }
        bridge.finish().await;
    }
}

/// The rows are the requests that browsers and other clients send, as tried in Chromium.
#[actix_web::test]
async fn only_a_page_of_the_console_or_a_client_that_is_no_browser_changes_something() {
    const COOKIE: &str = "cookie";
    const MARK: (&str, &str) = ("x-twake-bridge", "1");
    const OWN: (&str, &str) = ("sec-fetch-site", "same-origin");
    const TYPED: (&str, &str) = ("sec-fetch-site", "none");
    const FOREIGN: (&str, &str) = ("sec-fetch-site", "cross-site");
    const SIBLING: (&str, &str) = ("sec-fetch-site", "same-site");
    const EVIL: (&str, &str) = ("origin", "http://evil.example");
    const HERE: (&str, &str) = ("origin", "http://bridge.example:8081");
    const NAME: (&str, &str) = ("host", "bridge.example:8081");
    const LOGGED_IN: (&str, &str) = (COOKIE, "");
    let setup = setup();
    for (more, rows) in [
        (
            "",
            vec![
                // A form of the console, and one after a typed address.
                (vec![OWN], 303),
                (vec![TYPED], 303),
                // The command line, and a script without the header.
                (vec![MARK], 303),
                (vec![], 403),
                // A page of another site, with each header that could help it.
                (vec![FOREIGN], 403),
                (vec![SIBLING], 403),
                (vec![EVIL], 403),
                (vec![("origin", "null")], 403),
                (vec![FOREIGN, MARK], 403),
                (vec![EVIL, MARK], 403),
                (vec![BEARER], 403),
                // A foreign name that means loopback now.
                (vec![NAME, OWN], 421),
                (vec![NAME, HERE], 421),
                (vec![NAME, MARK], 421),
            ],
        ),
        (
            WITH_TOKEN,
            vec![
                (vec![LOGGED_IN, OWN], 303),
                // Plain HTTP to a name: browsers send only Origin.
                (vec![LOGGED_IN, NAME, HERE], 303),
                (vec![LOGGED_IN, NAME, ("origin", "http://bridge.example:1")], 403),
                (vec![LOGGED_IN, FOREIGN], 403),
                (vec![LOGGED_IN, EVIL], 403),
                (vec![LOGGED_IN], 403),
                (vec![LOGGED_IN, MARK], 403),
                (vec![BEARER], 303),
                (vec![BEARER, NAME], 303),
                (vec![BEARER, EVIL], 403),
                (vec![OWN], 401),
                (vec![MARK], 403),
                (vec![OWN, MARK], 401),
                (vec![OWN, ("authorization", "Bearer wrong")], 401),
                (vec![LOGGED_IN, OWN, ("authorization", "Bearer wrong")], 401),
                (vec![OWN, ("cookie", "twake-bridge=1.9999999999.00")], 401),
            ],
        ),
    ] {
        let bridge = setup.bridge(more);
        let id = bridge
            .github("push", &format!("d-{}", more.len()), &push("main", "once"))
            .await
            .body["event"]
            .clone();
        bridge.idle().await;
        let path = format!("/console/events/{}/discard", id.as_str().unwrap());
        let cookie = login(&bridge, TOKEN, &[]).await;
        for (mut headers, status) in rows {
            for header in &mut headers {
                if header.0 == COOKIE && header.1.is_empty() {
                    header.1 = &cookie;
                }
            }
            headers.push(("content-type", "application/x-www-form-urlencoded"));
            let answer = bridge.ask("POST", &path, &headers, "").await;
            assert_eq!(answer.status, status, "{more}{headers:?} {}", answer.text);
        }
        bridge.finish().await;
    }
}

/// Logs in; returns the cookie, or nothing.
async fn login(bridge: &crate::harness::TestBridge, token: &str, more: &[(&str, &str)]) -> String {
    let headers = [&FORM, more].concat();
    let body = format!("token={token}&next=%2Fconsole%2Fevents");
    let answer = bridge.ask("POST", "/console/login", &headers, body).await;
    let cookie = answer.header("set-cookie").unwrap_or_default();
    cookie.split(';').next().unwrap().to_owned()
}

#[actix_web::test]
async fn a_person_logs_in_with_the_token_and_logs_out() {
    let setup = setup();
    let bridge = setup.bridge(WITH_TOKEN);
    // A page asks for the token, and comes back to itself after it.
    let asked = bridge.ask("GET", "/console/events?source=a%26b", &[], "").await;
    assert_eq!(asked.status, 401);
    assert!(
        asked.text.contains("value=\"/console/events?source=a%26b\""),
        "{}",
        asked.text
    );
    let api = bridge.ask("GET", "/api/events", &[], "").await;
    assert_eq!(
        (api.status, api.body["code"].as_str()),
        (401, Some("operator-only"))
    );

    for (token, next, status, to) in [
        ("wrong", "/console/events", 401, ""),
        ("", "/console/events", 401, ""),
        (TOKEN, "/console/events?a=b", 303, "/console/events?a=b"),
        (TOKEN, "//evil.example", 303, "/console"),
        (TOKEN, "https://evil.example/", 303, "/console"),
        (TOKEN, "/%5Cevil.example", 303, "/console"),
    ] {
        let body = format!(
            "token={token}&next={}",
            next.replace('&', "%26").replace('?', "%3F")
        );
        let answer = bridge.ask("POST", "/console/login", &FORM, body).await;
        assert_eq!((answer.status, location(&answer)), (status, to), "{token} {next}");
        assert_eq!(answer.header("set-cookie").is_some(), status == 303);
        assert!(!answer.text.contains(TOKEN));
    }

    let cookie = login(&bridge, TOKEN, &[]).await;
    let cookie = ("cookie", cookie.as_str());
    let shown = bridge.ask("GET", "/console", &[cookie], "").await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains("Log out"));
    assert_eq!(bridge.ask("GET", "/api/events", &[cookie], "").await.status, 200);

    let out = bridge
        .ask("POST", "/console/logout", &[&FORM[..], &[cookie]].concat(), "")
        .await;
    assert_eq!((out.status, location(&out)), (303, "/console/login"));
    let ended: Vec<&str> = out
        .headers
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert!(
        ended.iter().all(|cookie| cookie.contains("Max-Age=0")),
        "{ended:?}"
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn the_cookie_is_for_https_only_where_the_browser_speaks_https() {
    let setup = setup();
    let bridge = setup.bridge(WITH_TOKEN);
    for (origin, name, secure) in [
        ("http://127.0.0.1:8081", "twake-bridge=", false),
        ("https://bridge.example", "__Host-twake-bridge=", true),
    ] {
        let headers = [&FORM[..], &[("origin", origin)]].concat();
        let answer = bridge
            .ask("POST", "/console/login", &headers, format!("token={TOKEN}"))
            .await;
        let cookie = answer.header("set-cookie").unwrap();
        assert!(
            cookie.starts_with(name) && cookie.contains("HttpOnly; SameSite=Strict"),
            "{cookie}"
        );
        assert_eq!(cookie.contains("; Secure"), secure, "{cookie}");
        let cookie = cookie.split(';').next().unwrap();
        assert_eq!(
            bridge
                .ask("GET", "/console", &[("cookie", cookie)], "")
                .await
                .status,
            200
        );
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn a_link_from_another_site_opens_the_console_and_nothing_else_reads_it() {
    let setup = setup();
    let foreign = ("sec-fetch-site", "cross-site");
    let navigation = [
        foreign,
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "document"),
    ];
    let frame = [
        foreign,
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-dest", "iframe"),
    ];
    let script = [
        foreign,
        ("sec-fetch-mode", "no-cors"),
        ("sec-fetch-dest", "script"),
    ];
    let bridge = setup.bridge("");
    for (headers, status) in [(navigation, 200), (frame, 403), (script, 403)] {
        assert_eq!(
            bridge.ask("GET", "/console/events", &headers, "").await.status,
            status
        );
    }
    bridge.finish().await;
    // With a login the browser leaves out the cookie: the page opens its own address once more.
    let bridge = setup.bridge(WITH_TOKEN);
    let answer = bridge
        .ask("GET", "/console/events?state=dead", &navigation, "")
        .await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .text
            .contains("content=\"0; url=/console/events?state=dead\""),
        "{}",
        answer.text
    );
    bridge.finish().await;
}

#[actix_web::test]
async fn with_an_origin_the_listener_has_no_other_name() {
    let setup = setup();
    let origin = format!("{WITH_TOKEN}origin = \"https://bridge.example\"\n");
    let bridge = setup.bridge(&origin);
    let cookie = login(&bridge, TOKEN, &[]).await;
    let cookie = ("cookie", cookie.as_str());
    for (host, status) in [
        ("bridge.example", 200),
        ("127.0.0.1:8081", 200),
        ("10.0.0.1:8081", 200),
        ("evil.example", 421),
    ] {
        let answer = bridge.ask("GET", "/console", &[cookie, ("host", host)], "").await;
        assert_eq!(answer.status, status, "{host}");
    }
    // A proxy may rewrite the Host: the origin is the configured one.
    for (origin, status) in [("https://bridge.example", 303), ("http://bridge.example", 403)] {
        let headers = [cookie, ("origin", origin)];
        let answer = bridge.ask("POST", "/console/logout", &headers, "").await;
        assert_eq!(answer.status, status, "{origin}");
    }
    bridge.finish().await;
}

#[actix_web::test]
async fn right_tokens_are_taken_after_many_wrong_ones() {
    let setup = setup();
    let bridge = setup.bridge(WITH_TOKEN);
    for _ in 0..11 {
        assert_eq!(login(&bridge, "wrong", &[]).await, "");
    }
    assert!(login(&bridge, TOKEN, &[]).await.starts_with("twake-bridge="));
    assert_eq!(bridge.ask("GET", "/console", &[BEARER], "").await.status, 200);
    bridge.finish().await;
}

#[actix_web::test]
async fn the_audit_names_the_user_of_a_trusted_proxy_and_of_no_other() {
    let setup = setup();
    for (proxies, name) in [("127.0.0.1", "ada"), ("192.0.2.1", "this machine")] {
        let more = format!(
            "[public]\ntrusted_proxies = [\"{proxies}\"]\n[operator]\nuser_header = \"X-Forwarded-User\"\n"
        );
        let bridge = setup.bridge(&more);
        let id = bridge.github("push", proxies, &push("main", "once")).await.body["event"].clone();
        bridge.idle().await;
        let path = format!("/console/events/{}/replay", id.as_str().unwrap());
        let headers = [&FORM[..], &[("x-forwarded-user", "ada")]].concat();
        assert_eq!(
            bridge.ask("POST", &path, &headers, "as_stored=true").await.status,
            303
        );
        let audit = page(&bridge, "/console/audit").await;
        assert_eq!(audit.matches(&format!(">{name}<")).count(), 1, "{audit}");
        bridge.finish().await;
    }
}
