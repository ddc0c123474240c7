//! The parts of a page's HTML that matter: scripts, handlers, policies, the `noscript` image, escaped attributes.

use html5gum::Span as Place;
use html5gum::Tokenizer;
use html5gum::emitters::callback::{CallbackEmitter, CallbackEvent};

use crate::script::Span;

/// A page's elements of interest, in the page's order. Offsets are bytes of the page's text.
#[derive(Debug, Default)]
pub(crate) struct Html {
    pub(crate) scripts: Vec<Element>,
    /// `onclick` and the like.
    pub(crate) handlers: Vec<Attribute>,
    /// Other attributes whose values are addresses, data or generated text.
    pub(crate) attributes: Vec<Attribute>,
    /// The attributes of each element that Tandem reports the forms of: `data-tandem`.
    pub(crate) marked: Vec<Vec<Attribute>>,
    /// Contents of `noscript` elements.
    pub(crate) noscripts: Vec<Span>,
    /// Policies in `meta http-equiv`: the attribute's value.
    pub(crate) policies: Vec<Attribute>,
    /// Where the page's `body` begins.
    pub(crate) body: Option<usize>,
    /// Where the first element begins in the body that visitors may see.
    pub(crate) content: Option<usize>,
    /// Where the tag of the page's `head` ends.
    pub(crate) head: Option<usize>,
}

#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) what: Script,
    /// The script runs after the page was read: `defer`, `async`, or a module.
    pub(crate) runs_late: bool,
    pub(crate) is_module: bool,
    /// A consent tool runs the script once the visitor allows it.
    pub(crate) is_held: bool,
}

/// The content of a `script` element.
#[derive(Debug)]
pub(crate) enum Script {
    /// The address in `src`, decoded.
    External(String),
    Inline(Span),
    /// Data for other scripts, such as JSON.
    Data(Span),
}

#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    /// The value with entities decoded: `&amp;` is `&`.
    pub(crate) value: String,
    /// The value as it is written.
    pub(crate) span: Span,
}

/// The element that is being read.
#[derive(Default)]
struct Open {
    name: Vec<u8>,
    attributes: Vec<Attribute>,
}

impl Open {
    fn value(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.value.as_str())
    }

    fn span(&self, name: &str) -> Option<Span> {
        self.attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .map(|attribute| attribute.span.clone())
    }
}

/// Reads a page. Reading cannot fail, because any text is HTML.
pub(crate) fn read(text: &str) -> Html {
    let mut html = Html::default();
    let mut open = Open::default();
    // The element to which the following text belongs.
    let mut inside = Inside::Nothing;
    let callback = |event: CallbackEvent<'_>, place: Place<usize>| -> Option<()> {
        match event {
            CallbackEvent::OpenStartTag { name } => {
                open = Open { name: name.to_ascii_lowercase(), attributes: Vec::new() };
            }
            CallbackEvent::AttributeName { name } => open.attributes.push(Attribute {
                name: String::from_utf8_lossy(name).to_ascii_lowercase(),
                value: String::new(),
                span: place.end..place.end,
            }),
            CallbackEvent::AttributeValue { value } => {
                if let Some(attribute) = open.attributes.last_mut() {
                    attribute.value = String::from_utf8_lossy(value).into_owned();
                    attribute.span = place.start..place.end;
                }
            }
            CallbackEvent::CloseStartTag { .. } => inside = html.element(&open, place.end),
            CallbackEvent::String { .. } => match inside {
                Inside::Script => {
                    if let Some(Element { what: Script::Inline(span) | Script::Data(span), .. }) =
                        html.scripts.last_mut()
                    {
                        *span = place.start..place.end;
                    }
                }
                Inside::Noscript => html.noscripts.push(place.start..place.end),
                Inside::Nothing => {}
            },
            CallbackEvent::EndTag { .. } => inside = Inside::Nothing,
            _ => {}
        }
        None
    };
    let mut emitter = CallbackEmitter::new(callback);
    emitter.naively_switch_states(true);
    let nothing = Tokenizer::new_with_emitter(text, emitter).last();
    debug_assert!(nothing.is_none(), "the callback returns nothing, and reading text cannot fail");
    html
}

#[derive(Clone, Copy)]
enum Inside {
    Nothing,
    Script,
    Noscript,
}

impl Html {
    fn element(&mut self, open: &Open, end: usize) -> Inside {
        for attribute in &open.attributes {
            if attribute.name.starts_with("on") {
                self.handlers.push(attribute.clone());
            } else {
                self.attributes.push(attribute.clone());
            }
        }
        if open.value("data-tandem").is_some() {
            self.marked.push(open.attributes.clone());
        }
        match open.name.as_slice() {
            b"head" => self.head = self.head.or(Some(end)),
            b"body" => self.body = self.body.or(Some(end)),
            b"script" | b"noscript" | b"style" | b"link" | b"meta" | b"template" | b"iframe" | b"img" => {}
            _ if self.body.is_some() => self.content = self.content.or(Some(end)),
            _ => {}
        }
        match open.name.as_slice() {
            b"script" => {
                self.script(open, end);
                Inside::Script
            }
            b"noscript" => Inside::Noscript,
            b"meta" => {
                let is_policy = open
                    .value("http-equiv")
                    .is_some_and(|name| name.trim().eq_ignore_ascii_case("content-security-policy"));
                if is_policy && let (Some(value), Some(span)) = (open.value("content"), open.span("content"))
                {
                    let value = value.to_owned();
                    self.policies.push(Attribute { name: "content".to_owned(), value, span });
                }
                Inside::Nothing
            }
            _ => Inside::Nothing,
        }
    }

    fn script(&mut self, open: &Open, end: usize) {
        let kind = open.value("type").unwrap_or_default().trim().to_ascii_lowercase();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        let is_module = kind == "module";
        // Consent tools mark scripts as text/plain and run them later.
        let is_script = is_module
            || kind.is_empty()
            || kind == "text/plain"
            || kind.ends_with("javascript")
            || kind.ends_with("ecmascript");
        let what = match open.value("src").map(str::trim) {
            Some(address) if is_script && !address.is_empty() => Script::External(address.to_owned()),
            _ if is_script => Script::Inline(end..end),
            _ => Script::Data(end..end),
        };
        let is_external = matches!(what, Script::External(_));
        let runs_late = is_module
            || kind == "text/plain"
            || (is_external && (open.value("defer").is_some() || open.value("async").is_some()));
        // Consent tools change the type, or name the purpose in an attribute.
        let marks =
            ["data-cookieconsent", "data-cookiecategory", "data-category", "data-consent", "data-purposes"];
        let is_held = kind == "text/plain" || marks.iter().any(|mark| open.value(mark).is_some());
        self.scripts.push(Element { what, runs_late, is_module, is_held });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_found_where_they_stand() {
        let text = "<!doctype html>\r\n<!-- <script>no()</script> --><textarea><script></textarea>\
            <script type=\"module\">\r\nif (a<b) x('</div>');</script>\
            <script async src='a.js?x=1&amp;y=2'></script><script type=application/ld+json>{}</script>";
        let html = read(text);
        assert_eq!(html.scripts.len(), 3);
        assert!(
            matches!(&html.scripts[0].what, Script::Inline(span) if &text[span.clone()] == "\r\nif (a<b) x('</div>');")
        );
        assert!(html.scripts[0].is_module && html.scripts[0].runs_late);
        assert!(matches!(&html.scripts[1].what, Script::External(src) if src == "a.js?x=1&y=2"));
        assert!(html.scripts[1].runs_late);
        assert!(matches!(&html.scripts[2].what, Script::Data(span) if &text[span.clone()] == "{}"));
    }

    #[test]
    fn handlers_policies_and_noscripts_are_found() {
        let text = "<meta http-equiv=Content-Security-Policy content=\"img-src 'self'\">\
            <a onclick=\"go(&quot;é&quot;)\" href='?a&amp;b'>x</a><noscript><img src=\"x\"></noscript>";
        let html = read(text);
        assert_eq!(html.policies[0].value, "img-src 'self'");
        assert_eq!(&text[html.handlers[0].span.clone()], "go(&quot;é&quot;)");
        assert_eq!(html.handlers[0].value, "go(\"é\")");
        assert_eq!(&text[html.noscripts[0].clone()], "<img src=\"x\">");
    }
}
