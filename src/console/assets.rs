//! The style and the script. Their addresses contain a hash of their content, so browsers keep them for good.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// The path under which the assets are. They need no login.
pub const ASSETS: &str = "/console/assets/";

/// The icon of the browser's tab, inline, so that the browser requests none.
pub(super) const ICON: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect \
                               width='16' height='16' rx='4' fill='%234b5bdc'/%3E%3Cpath d='M3 10a5 5 0 0 1 10 0M2 \
                               10h12M5 10v3M11 10v3' stroke='white' fill='none' stroke-width='1.4'/%3E%3C/svg%3E";

/// A file that the console serves.
struct Asset {
    name: String,
    content_type: &'static str,
    content: &'static str,
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("css", "text/css; charset=utf-8", include_str!("console.css")));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("js", "text/javascript; charset=utf-8", include_str!("console.js")));

impl Asset {
    fn new(extension: &str, content_type: &'static str, content: &'static str) -> Self {
        let hash = hex::encode(Sha256::digest(content));
        Self {
            name: format!("{}.{extension}", hash.get(..16).unwrap_or(&hash)),
            content_type,
            content,
        }
    }
}

/// The address of the style.
pub(super) fn style() -> String {
    format!("{ASSETS}{}", STYLE.name)
}

/// The address of the script.
pub(super) fn script() -> String {
    format!("{ASSETS}{}", SCRIPT.name)
}

/// `GET /console/assets/{name}`
pub(super) async fn serve(name: web::Path<String>) -> HttpResponse {
    let mut assets = [&STYLE, &SCRIPT].into_iter();
    match assets.find(|asset| asset.name == *name) {
        Some(asset) => HttpResponse::Ok()
            .content_type(asset.content_type)
            .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .body(asset.content),
        None => HttpResponse::NotFound()
            .insert_header((header::CACHE_CONTROL, "no-store"))
            .finish(),
    }
}
