//! A writer of HTML in which text can only become text: tags and names of attributes are the program's own words,
//! everything else is escaped, and where a link leads is a type.

/// HTML under construction.
#[derive(Default)]
pub(super) struct Html(String);

/// Where a link may lead.
pub(super) struct Href(String);

impl Href {
    /// An address in the web, made one as Twake makes it: `http` where the text has it, `https` in all other cases,
    /// so that no other scheme is left.
    pub(super) fn web(address: &str) -> Self {
        let scheme = if address.contains("http://") {
            "http://"
        } else {
            "https://"
        };
        let rest = address
            .trim()
            .strip_prefix("http://")
            .or_else(|| address.trim().strip_prefix("https://"));
        Self(format!("{scheme}{}", rest.unwrap_or(address.trim())))
    }

    /// A mail address.
    pub(super) fn mail(address: &str) -> Self {
        Self(format!("mailto:{}", address.trim()))
    }

    /// A channel on this page.
    pub(super) fn channel(id: &str) -> Self {
        let query: String = url::form_urlencoded::byte_serialize(id.as_bytes()).collect();
        Self(format!("/?channel={query}"))
    }

    /// Where it leads.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Html {
    /// The start of a page.
    pub(super) fn page() -> Self {
        Self("<!doctype html>".to_owned())
    }

    /// Text.
    pub(super) fn text(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
    }

    /// An element with what `inside` writes. `href` and its like are for [`Html::link`].
    pub(super) fn element(
        &mut self,
        tag: &'static str,
        attributes: &[(&'static str, &str)],
        inside: impl FnOnce(&mut Self),
    ) {
        self.open(tag, attributes);
        inside(self);
        self.0.push_str("</");
        self.0.push_str(tag);
        self.0.push('>');
    }

    /// An element with nothing but a class and text in it.
    pub(super) fn words(&mut self, tag: &'static str, class: &'static str, text: &str) {
        self.element(tag, &[("class", class)], |html| html.text(text));
    }

    /// An element that has no end.
    pub(super) fn open(&mut self, tag: &'static str, attributes: &[(&'static str, &str)]) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            debug_assert!(
                !matches!(*name, "style" | "srcdoc") && !name.starts_with("on"),
                "not by this writer"
            );
            self.0.push(' ');
            self.0.push_str(name);
            self.0.push_str("=\"");
            self.text(value);
            self.0.push('"');
        }
        self.0.push('>');
    }

    /// A link out of the page.
    pub(super) fn link(&mut self, href: &Href, inside: impl FnOnce(&mut Self)) {
        let attributes = [
            ("href", href.as_str()),
            ("rel", "noopener noreferrer nofollow"),
            ("target", "_blank"),
        ];
        self.element("a", &attributes, inside);
    }

    /// What another one wrote.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    /// What was written.
    pub(super) fn finish(self) -> String {
        self.0
    }
}
