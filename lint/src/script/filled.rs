//! What a template's placeholder says: a variable or field, and the filters and functions that change its value.

/// How deep functions in functions are followed.
const DEPTH_MAX: usize = 16;

/// A value that a template's engine fills in.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Filled {
    /// The variable or field, as scripts write it: `order.id` for `$order->get_id()`. Empty for anything else.
    pub(crate) name: String,
    /// What changes the value, in the order in which it happens.
    pub(crate) steps: Vec<Step>,
}

/// A filter, or a function around the value: `| money`, `number_format(…, 2)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    /// The last part of its name.
    pub(crate) name: String,
    /// What it gets beside the value, without quotes.
    pub(crate) arguments: Vec<String>,
}

impl Filled {
    /// Reads the text between a placeholder's marks.
    pub(crate) fn read(inside: &str) -> Self {
        let inside = inside.trim().trim_matches(['-', '~']).trim();
        let inside = inside.strip_prefix("php").map_or(inside, str::trim_start);
        let inside = inside.strip_prefix("echo").or_else(|| inside.strip_prefix("print")).unwrap_or(inside);
        let mut pieces = split(inside.trim().trim_end_matches(';').trim(), '|').into_iter();
        let mut filled = Self::expression(pieces.next().unwrap_or_default(), 0);
        filled.steps.extend(pieces.map(filter));
        filled
    }

    fn expression(text: &str, depth: usize) -> Self {
        let text = text.trim();
        if depth > DEPTH_MAX {
            return Self::default();
        }
        for cast in ["(float)", "(double)", "(int)", "(string)"] {
            if let Some(rest) = text.strip_prefix(cast) {
                let arguments = Vec::new();
                return Self::expression(rest, depth + 1).then(cast.trim_matches(['(', ')']), arguments);
            }
        }
        let Some((callee, inside)) = call(text) else { return Self::helper(text) };
        let arguments = split(inside, ',');
        let (object, name) = callee.rfind(['.', '>', ':', '\\']).map_or(("", callee), |at| {
            (callee.get(..at).unwrap_or_default(), callee.get(at + 1..).unwrap_or_default())
        });
        let object = object.trim_end_matches(['-', ':', '?']);
        match arguments.split_first() {
            // A method without arguments is a field: `order.getTotal()`.
            None | Some((&"", [])) if !object.is_empty() => Self { name: path(callee), steps: Vec::new() },
            // A method of a value that is not the first argument: `order.total.toFixed(2)`.
            Some(_) if !object.is_empty() && callee.contains('.') && !callee.starts_with('$') => {
                let arguments = arguments.iter().map(|text| bare(text)).collect();
                Self::expression(object, depth + 1).then(name, arguments)
            }
            Some((first, rest)) => {
                Self::expression(first, depth + 1).then(name, rest.iter().map(|text| bare(text)).collect())
            }
            None => Self::default(),
        }
    }

    /// A name, or a helper of Handlebars before its argument: `money order.total`.
    fn helper(text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [helper, name, rest @ ..] if is_path(helper) && is_path(name) => {
                let arguments = rest.iter().map(|text| bare(text)).collect();
                Self { name: path(name), steps: Vec::new() }.then(helper, arguments)
            }
            _ => Self { name: path(text), steps: Vec::new() },
        }
    }

    fn then(mut self, name: &str, arguments: Vec<String>) -> Self {
        self.steps.push(Step { name: name.to_owned(), arguments });
        self
    }
}

/// A filter with its arguments: `replace: ',', ''` (Liquid), `number_format(2, '.', '')` (Twig, Jinja).
fn filter(text: &str) -> Step {
    let text = text.trim();
    let end = text.find([':', '(', ' ']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim().trim_start_matches([':', '(']).trim_end_matches(')').trim();
    let arguments = if rest.is_empty() { Vec::new() } else { split(rest, ',') };
    Step { name: name.to_owned(), arguments: arguments.into_iter().map(bare).collect() }
}

/// The name and the arguments of a call, if the text is nothing but a call.
fn call(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_suffix(')')?;
    // The bracket that the last one closes.
    let mut open = None;
    let mut depth = 0_usize;
    let mut quote = None;
    for (i, c) in inside.char_indices() {
        match (quote, c) {
            (Some(sign), c) if sign == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(') => {
                if depth == 0 {
                    open = Some(i);
                }
                depth += 1;
            }
            (None, ')') => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    let open = open.filter(|_| depth == 1)?;
    let callee = inside.get(..open)?.trim();
    let is_name = !callee.is_empty() && !callee.contains(char::is_whitespace);
    is_name.then(|| (callee, inside.get(open + 1..).unwrap_or_default()))
}

/// The pieces between a sign that is outside quotes and brackets. A doubled sign (`||`) is an operator.
fn split(text: &str, at: char) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut from, mut depth, mut quote, mut skips) = (0, 0_usize, None, false);
    let mut signs = text.char_indices().peekable();
    while let Some((i, c)) = signs.next() {
        match (quote, c) {
            (Some(sign), c) if sign == c => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(c),
            (None, '(' | '[') => depth += 1,
            (None, ')' | ']') => depth = depth.saturating_sub(1),
            (None, c) if c == at && depth == 0 && !skips => {
                if c == '|' && signs.peek().is_some_and(|(_, next)| *next == c) {
                    skips = true;
                    continue;
                }
                pieces.push(text.get(from..i).unwrap_or_default().trim());
                from = i + c.len_utf8();
            }
            _ => {}
        }
        skips = false;
    }
    pieces.push(text.get(from..).unwrap_or_default().trim());
    pieces
}

/// An argument without its quotes.
fn bare(text: &str) -> String {
    let text = text.trim();
    let quoted = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    quoted.unwrap_or(text).to_owned()
}

fn is_path(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || matches!(c, '_' | '$' | '@'))
        && text.chars().all(|c| c.is_alphanumeric() || "_$@.->?:[]'\"()".contains(c))
}

/// A variable or field as scripts write it. Empty for anything else.
fn path(text: &str) -> String {
    if !is_path(text) {
        return String::new();
    }
    let text =
        text.replace("()", "").replace("?->", ".").replace("->", ".").replace("::", ".").replace("?.", ".");
    let fields = text.split(['.', '[', ']', '\'', '"']).filter(|field| !field.is_empty());
    let fields = fields.map(|field| {
        let field = field.trim_start_matches(['$', '@']);
        field.strip_prefix("get_").unwrap_or(field)
    });
    fields.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_and_what_changes_it_are_read_in_every_engines_way() {
        for (text, name, steps) in [
            ("order.id", "order.id", ""),
            (" order.total | money ", "order.total", "money"),
            ("- cart.total | money | remove: ',' -", "cart.total", "money remove(,)"),
            ("total|number_format(2, '.', '')", "total", "number_format(2;.;)"),
            ("x | default('a|b') | json", "x", "default(a|b) json"),
            ("a || b", "", ""),
            ("$order->get_id()", "order.id", ""),
            ("php echo $order['id'];", "order.id", ""),
            (
                "php echo esc_js( number_format( $order->get_total(), 2 ) );",
                "order.total",
                "number_format(2) esc_js",
            ),
            ("(float) $total", "total", "float"),
            ("wc_price($order->get_total())", "order.total", "wc_price"),
            ("WC()->cart->get_cart_total()", "WC.cart.cart_total", ""),
            ("order.total.toFixed(2)", "order.total", "toFixed(2)"),
            ("money order.total", "order.total", "money"),
            ("total / 100", "", ""),
            ("number_to_currency(@order.total)", "order.total", "number_to_currency"),
        ] {
            let filled = Filled::read(text);
            let read: Vec<String> = filled
                .steps
                .iter()
                .map(|step| match step.arguments.as_slice() {
                    [] => step.name.clone(),
                    arguments => format!("{}({})", step.name, arguments.join(";")),
                })
                .collect();
            assert_eq!((filled.name.as_str(), read.join(" ").as_str()), (name, steps), "{text}");
        }
    }
}
