//! Reads the values of expressions, as far as the source shows them.

use oxc_ast::ast::{
    Argument, ArrayExpressionElement, BinaryOperator, Expression, MemberExpression, ObjectExpression,
    ObjectPropertyKind, PropertyKey, TemplateLiteral, UnaryOperator,
};
use oxc_span::{GetSpan as _, Span as Bytes};

use super::template;
use super::value::{Entry, Object, Part, Span, Value};

/// How deep nested expressions are followed. Deeper ones are unknown.
const DEPTH_MAX: usize = 48;

/// Reads expressions of one script.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'t> {
    /// The script as it was written, template placeholders included.
    pub(crate) text: &'t str,
}

pub(crate) fn range(span: Bytes) -> Span {
    span.start as usize..span.end as usize
}

/// The text `a.b.c` of names and fields. `a?.b` counts as `a.b`.
pub(crate) fn dotted(expression: &Expression<'_>) -> Option<String> {
    let mut fields = Vec::new();
    let mut at = expression.get_inner_expression();
    for _ in 0..DEPTH_MAX {
        match at {
            Expression::Identifier(name) => {
                fields.push(name.name.as_str());
                fields.reverse();
                return Some(fields.join("."));
            }
            Expression::ThisExpression(_) => {
                fields.push("this");
                fields.reverse();
                return Some(fields.join("."));
            }
            Expression::ChainExpression(chain) => {
                let member = chain.expression.as_member_expression()?;
                fields.push(member.static_property_name()?);
                at = member.object().get_inner_expression();
            }
            other => {
                let member = other.as_member_expression()?;
                fields.push(member.static_property_name()?);
                at = member.object().get_inner_expression();
            }
        }
    }
    None
}

impl Reader<'_> {
    pub(crate) fn argument(self, argument: &Argument<'_>) -> Value {
        argument.as_expression().map_or(Value::Unknown, |expression| self.value(expression))
    }

    pub(crate) fn value(self, expression: &Expression<'_>) -> Value {
        self.at(expression, 0)
    }

    fn at(self, expression: &Expression<'_>, depth: usize) -> Value {
        if depth > DEPTH_MAX {
            return Value::Unknown;
        }
        let expression = expression.get_inner_expression();
        match expression {
            Expression::StringLiteral(literal) => {
                Value::Text(self.pieces(literal.value.as_str(), range(literal.span)))
            }
            Expression::TemplateLiteral(literal) => self.template(literal, depth),
            Expression::NumericLiteral(literal) => Value::Number(literal.value),
            Expression::NullLiteral(_) => Value::Nothing,
            Expression::UnaryExpression(unary) => match (unary.operator, self.at(&unary.argument, depth + 1))
            {
                (UnaryOperator::Void, _) => Value::Nothing,
                (UnaryOperator::UnaryNegation, Value::Number(number)) => Value::Number(-number),
                // `+x` is `Number(x)`.
                (UnaryOperator::UnaryPlus, value) => Value::Call("Number".to_owned(), vec![value]),
                _ => Value::Unknown,
            },
            Expression::Identifier(name) if name.name == "undefined" => Value::Nothing,
            Expression::Identifier(name) if name.name == "NaN" => Value::Number(f64::NAN),
            Expression::Identifier(name) if name.name == "Infinity" => Value::Number(f64::INFINITY),
            Expression::ObjectExpression(object) => Value::Object(self.object(object, depth)),
            Expression::ArrayExpression(array) => {
                Value::List(array.elements.iter().map(|element| self.element(element, depth)).collect())
            }
            Expression::BinaryExpression(binary) if binary.operator == BinaryOperator::Addition => {
                joined(self.at(&binary.left, depth + 1), self.at(&binary.right, depth + 1))
            }
            Expression::AwaitExpression(awaited) => self.at(&awaited.argument, depth + 1),
            Expression::CallExpression(call) => self.call(call, depth),
            Expression::ChainExpression(chain) => match &chain.expression {
                oxc_ast::ast::ChainElement::CallExpression(call) => self.call(call, depth),
                _ => self.name(expression),
            },
            _ => self.name(expression),
        }
    }

    fn name(self, expression: &Expression<'_>) -> Value {
        match dotted(expression) {
            Some(name) if name == "Number.NaN" => Value::Number(f64::NAN),
            // A template's placeholder was replaced by this name.
            Some(name) if name.bytes().all(|byte| byte == b'_') && name.len() > 3 => {
                let written = self.text.get(range(expression.span())).unwrap_or_default();
                match template::pieces(written).as_slice() {
                    [Part::Value(filled)] => (**filled).clone(),
                    _ => Value::Unknown,
                }
            }
            Some(name) => Value::Name(name),
            // A field of something without a name, as in `forms[0].email`.
            None => {
                match expression.as_member_expression().and_then(MemberExpression::static_property_name) {
                    Some(field) => Value::Name(format!("?.{field}")),
                    None => Value::Unknown,
                }
            }
        }
    }

    fn element(self, element: &ArrayExpressionElement<'_>, depth: usize) -> Value {
        element.as_expression().map_or(Value::Unknown, |expression| self.at(expression, depth + 1))
    }

    /// A call's result. A call that only changes the type of a value counts as the value.
    fn call(self, call: &oxc_ast::ast::CallExpression<'_>, depth: usize) -> Value {
        let arguments: Vec<Value> = call
            .arguments
            .iter()
            .map(|argument| {
                argument.as_expression().map_or(Value::Unknown, |expression| self.at(expression, depth + 1))
            })
            .collect();
        let callee = call.callee.get_inner_expression();
        if let Some(member) = callee.as_member_expression()
            && matches!(member.static_property_name(), Some("toString"))
        {
            return self.at(member.object(), depth + 1);
        }
        match dotted(callee) {
            Some(name) if name == "String" && arguments.len() == 1 => {
                arguments.into_iter().next().unwrap_or(Value::Unknown)
            }
            Some(name) => Value::Call(name, arguments),
            None => match callee.as_member_expression().and_then(MemberExpression::static_property_name) {
                Some(name) => Value::Call(name.to_owned(), arguments),
                None => Value::Unknown,
            },
        }
    }

    fn template(self, literal: &TemplateLiteral<'_>, depth: usize) -> Value {
        let mut parts = Vec::new();
        for (i, quasi) in literal.quasis.iter().enumerate() {
            if let Some(text) = quasi.value.cooked {
                parts.extend(self.pieces(text.as_str(), range(quasi.span)));
            }
            if let Some(expression) = literal.expressions.get(i) {
                parts.push(Part::Value(Box::new(self.at(expression, depth + 1))));
            }
        }
        Value::Text(parts)
    }

    /// A literal's pieces: fixed, or filled in by a template engine before the page is served.
    fn pieces(self, value: &str, span: Span) -> Vec<Part> {
        match self.text.get(span).filter(|raw| template::has_marks(raw)) {
            Some(raw) => template::pieces(raw.trim_matches(['"', '\'', '`'])),
            None if value.is_empty() => Vec::new(),
            None => vec![Part::Fixed(value.to_owned())],
        }
    }

    fn object(self, object: &ObjectExpression<'_>, depth: usize) -> Object {
        let mut found = Object::default();
        for property in &object.properties {
            let ObjectPropertyKind::ObjectProperty(property) = property else {
                found.is_open = true;
                continue;
            };
            // The key `["a"]` is the same as `a`. Other computed keys are unknown.
            let is_known = !property.computed || matches!(property.key, PropertyKey::StringLiteral(_));
            match property.key.static_name().filter(|_| is_known) {
                Some(key) => found.entries.push(Entry {
                    key: key.into_owned(),
                    value: self.at(&property.value, depth + 1),
                    key_span: range(property.key.span()),
                    span: range(property.value.span()),
                }),
                None => found.is_open = true,
            }
        }
        found
    }
}

/// The result of `+`. It is text if one side is text.
fn joined(left: Value, right: Value) -> Value {
    if !matches!(left, Value::Text(_)) && !matches!(right, Value::Text(_)) {
        return Value::Unknown;
    }
    let mut parts = into_parts(left);
    parts.extend(into_parts(right));
    Value::Text(parts)
}

fn into_parts(value: Value) -> Vec<Part> {
    match value {
        Value::Text(parts) => parts,
        other => vec![Part::Value(Box::new(other))],
    }
}
