//! Tests that check that `fbq` exists.

use std::collections::HashMap;

use oxc_ast::ast::{BinaryOperator, Expression, LogicalOperator, Statement, UnaryOperator};

use super::reader::dotted;

/// How deep nested tests are followed.
const DEPTH_MAX: usize = 48;

/// Whether an expression is `fbq`, as a variable or as a field of `window` and the like.
pub(super) fn is_fbq(expression: &Expression<'_>) -> bool {
    dotted(expression).is_some_and(|name| matches!(name.rsplit('.').next(), Some("fbq" | "_fbq")))
}

/// `fbq` itself, or a field of it, which exists only if `fbq` does.
fn is_fbq_or_field(expression: &Expression<'_>) -> bool {
    dotted(expression).is_some_and(|name| name.split('.').any(|part| matches!(part, "fbq" | "_fbq")))
}

/// What a test says about `fbq`. `Some(true)`: `fbq` exists if the test is true. `Some(false)`: `fbq` exists if the test
/// is false. `known` contains the variables that store the result of such a test.
pub(super) fn asserts_fbq(test: &Expression<'_>, known: &HashMap<String, bool>) -> Option<bool> {
    at(test, known, 0)
}

fn at(test: &Expression<'_>, known: &HashMap<String, bool>, depth: usize) -> Option<bool> {
    if depth > DEPTH_MAX {
        return None;
    }
    let test = test.get_inner_expression();
    if is_fbq_or_field(test) {
        return Some(true);
    }
    let next = |inner: &Expression<'_>| at(inner, known, depth + 1);
    match test {
        Expression::Identifier(name) => known.get(name.name.as_str()).copied(),
        Expression::UnaryExpression(unary) if unary.operator == UnaryOperator::LogicalNot => {
            next(&unary.argument).map(|there| !there)
        }
        Expression::LogicalExpression(logical) => {
            let (left, right) = (next(&logical.left), next(&logical.right));
            match logical.operator {
                LogicalOperator::And if left == Some(true) || right == Some(true) => Some(true),
                LogicalOperator::Or if left == Some(false) || right == Some(false) => Some(false),
                LogicalOperator::And | LogicalOperator::Or if left == right => left,
                _ => None,
            }
        }
        Expression::BinaryExpression(binary) => compared(binary.operator, &binary.left, &binary.right),
        // Boolean(window.fbq), isFunction(window.fbq)
        Expression::CallExpression(call) => call
            .arguments
            .iter()
            .filter_map(|argument| argument.as_expression())
            .any(is_fbq_or_field)
            .then_some(true),
        _ => None,
    }
}

fn compared(operator: BinaryOperator, left: &Expression<'_>, right: &Expression<'_>) -> Option<bool> {
    let (left, right) = (left.get_inner_expression(), right.get_inner_expression());
    if operator == BinaryOperator::In {
        return matches!(left, Expression::StringLiteral(name) if name.value == "fbq").then_some(true);
    }
    if operator == BinaryOperator::Instanceof {
        return is_fbq_or_field(left).then_some(true);
    }
    let (tested, other) = if is_tested(left) {
        (left, right)
    } else if is_tested(right) {
        (right, left)
    } else {
        return None;
    };
    let is_typeof = matches!(tested, Expression::UnaryExpression(_));
    // Whether the other side of the comparison is the value that an absent fbq has.
    let is_absent = match other {
        Expression::StringLiteral(text) if is_typeof => text.value == "undefined" || text.value == "u",
        Expression::NullLiteral(_) => true,
        Expression::Identifier(name) => name.name == "undefined",
        Expression::UnaryExpression(unary) => unary.operator == UnaryOperator::Void,
        _ => false,
    };
    match operator {
        BinaryOperator::Equality | BinaryOperator::StrictEquality => Some(!is_absent),
        BinaryOperator::Inequality | BinaryOperator::StrictInequality => Some(is_absent),
        // Minifiers write typeof x !== "undefined" as typeof x < "u".
        BinaryOperator::LessThan if is_typeof && std::ptr::eq(tested, left) => Some(true),
        BinaryOperator::GreaterThan if is_typeof && std::ptr::eq(tested, left) => Some(false),
        BinaryOperator::GreaterThan if is_typeof => Some(true),
        BinaryOperator::LessThan if is_typeof => Some(false),
        _ => None,
    }
}

fn is_tested(expression: &Expression<'_>) -> bool {
    match expression {
        Expression::UnaryExpression(unary) => {
            unary.operator == UnaryOperator::Typeof && is_fbq_or_field(&unary.argument)
        }
        other => is_fbq_or_field(other),
    }
}

/// Whether the statements after this one in the same list never run.
pub(super) fn leaves(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::BlockStatement(block) => block.body.last().is_some_and(leaves_alone),
        other => leaves_alone(other),
    }
}

fn leaves_alone(statement: &Statement<'_>) -> bool {
    matches!(
        statement,
        Statement::ReturnStatement(_)
            | Statement::ThrowStatement(_)
            | Statement::ContinueStatement(_)
            | Statement::BreakStatement(_)
    )
}
