//! What an expression is in its place: the name that an assignment changes, a function that is called at once.

use oxc_ast::ast::{AssignmentTarget, Expression};

use super::reader::dotted;

/// The name that an assignment gives a value: `a`, `window.a`.
pub(super) fn name_of(target: &AssignmentTarget<'_>) -> Option<String> {
    match target {
        AssignmentTarget::AssignmentTargetIdentifier(name) => Some(name.name.to_string()),
        other => {
            let member = other.as_member_expression()?;
            let field = member.static_property_name()?;
            Some(match dotted(member.object()) {
                Some(object) => format!("{object}.{field}"),
                None => field.to_owned(),
            })
        }
    }
}

/// The name whose value, or whose field's value, an assignment changes.
pub(super) fn root_of(target: &AssignmentTarget<'_>) -> Option<String> {
    if let AssignmentTarget::AssignmentTargetIdentifier(name) = target {
        return Some(name.name.to_string());
    }
    let mut object = target.as_member_expression()?.object().get_inner_expression();
    while let Some(member) = object.as_member_expression() {
        object = member.object().get_inner_expression();
    }
    dotted(object)
}

/// Whether an expression is a call of `Tandem.connect`.
pub(super) fn is_connect(expression: &Expression<'_>) -> bool {
    let inner = match expression.get_inner_expression() {
        Expression::AwaitExpression(awaited) => awaited.argument.get_inner_expression(),
        other => other,
    };
    matches!(inner, Expression::CallExpression(call)
        if dotted(&call.callee).is_some_and(|name| name.ends_with("Tandem.connect")))
}

/// Where a function begins that is called where it stands: `(function () { … })()`, `(() => { … }).call(this)`.
pub(super) fn called_function(callee: &Expression<'_>) -> Option<u32> {
    let callee = callee.get_inner_expression();
    let callee = match callee.as_member_expression() {
        Some(member) if matches!(member.static_property_name(), Some("call" | "apply")) => {
            member.object().get_inner_expression()
        }
        _ => callee,
    };
    match callee {
        Expression::FunctionExpression(function) => Some(function.span.start),
        Expression::ArrowFunctionExpression(function) => Some(function.span.start),
        _ => None,
    }
}
