//! The walk over a script's syntax tree.

use std::collections::{HashMap, HashSet};

use oxc_allocator::ArenaVec;
use oxc_ast::ast::{
    ArrowFunctionExpression, AssignmentExpression, CallExpression, ConditionalExpression, Expression,
    Function, IfStatement, ImportDeclaration, ImportExpression, LogicalExpression, LogicalOperator,
    NewExpression, Statement, StringLiteral, TemplateLiteral, TryStatement, UpdateExpression,
    VariableDeclarator,
};
use oxc_ast_visit::{VisitJs, walk_js as walk};
use oxc_span::GetSpan as _;
use oxc_syntax::scope::ScopeFlags;

use super::facts::{Argument, Branch, Call, Facts, Target, Text};
use super::guard::{asserts_fbq, is_fbq, leaves};
use super::reader::{Reader, dotted, range};
use super::repeat::Repeats;
use super::roles::{called_function, is_connect, name_of, root_of};
use super::value::Value;

/// Most branches around a call that are recorded, the innermost first.
const BRANCHES_MAX: usize = 64;

/// Collects a script's facts.
pub(super) struct Visitor<'t> {
    reader: Reader<'t>,
    facts: Facts,
    /// Number of tests around the current place that check `fbq`.
    guards: usize,
    /// Number of functions around the current place.
    functions: usize,
    /// Where the functions begin that are around the current place and run later.
    later: Vec<usize>,
    /// Where a function begins that is called where it stands.
    called_at: Option<u32>,
    /// The name that the next function gets, and where that function begins.
    name_at: Option<(u32, String)>,
    repeats: Repeats,
    branches: Vec<Branch>,
    /// Variables that store the result of a check for `fbq`.
    known: HashMap<String, bool>,
    /// Names that get a second value, or fields, later in the script.
    changed: HashSet<String>,
    /// Names that contain the result of `Tandem.connect`.
    tandems: HashSet<String>,
    /// Number of calls around the current place whose texts are escaped by design.
    escapes: usize,
}

impl<'t> Visitor<'t> {
    pub(super) fn new(reader: Reader<'t>) -> Self {
        Self {
            reader,
            facts: Facts::default(),
            guards: 0,
            functions: 0,
            later: Vec::new(),
            called_at: None,
            name_at: None,
            repeats: Repeats::default(),
            branches: Vec::new(),
            known: HashMap::new(),
            changed: HashSet::new(),
            tandems: HashSet::new(),
            escapes: 0,
        }
    }

    pub(super) fn into_facts(mut self) -> Facts {
        self.repeats.finish(&mut self.facts.calls);
        for name in &self.changed {
            self.facts.constants.remove(name);
        }
        // The missing keys of an object that is filled later are not known.
        for value in self.facts.constants.values_mut() {
            if let Value::Object(object) = value {
                object.is_open = true;
            }
        }
        self.facts
    }

    fn with_guard(&mut self, by: bool, walk: impl FnOnce(&mut Self)) {
        self.guards += usize::from(by);
        walk(self);
        self.guards -= usize::from(by);
    }

    fn branch(&mut self, branch: Branch, by: bool, walk: impl FnOnce(&mut Self)) {
        self.branches.push(branch);
        self.with_guard(by, walk);
        self.branches.pop();
    }

    /// Walks one side of a condition.
    fn side(&mut self, test: &Expression<'_>, side: bool, by: bool, walk: impl FnOnce(&mut Self)) {
        let branch = Branch { test: test.span().start as usize, side, is_condition: true };
        let before = self.repeats.test(test);
        self.branch(branch, by, walk);
        self.repeats.end_test(before);
    }

    /// Walks a function.
    fn function(&mut self, start: u32, name: Option<String>, walk: impl FnOnce(&mut Self)) {
        let runs_here = self.called_at.take_if(|at| *at == start).is_some();
        let name = name.or_else(|| self.name_at.take_if(|(at, _)| *at == start).map(|(_, name)| name));
        self.functions += 1;
        if !runs_here {
            self.later.push(start as usize);
        }
        // A function that is called where it stands is part of what is around it.
        self.repeats.enter(start, name.filter(|_| !runs_here));
        walk(self);
        self.repeats.leave();
        if !runs_here {
            self.later.pop();
        }
        self.functions -= 1;
    }

    /// A function that is the value of a name is known by it.
    fn name_function(&mut self, name: &str, value: &Expression<'_>) {
        let value = value.get_inner_expression();
        if matches!(value, Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_)) {
            self.name_at = Some((value.span().start, name.to_owned()));
        }
    }

    /// The target of a call, if it matters to tracking.
    fn target(&self, callee: &Expression<'_>) -> Option<Target> {
        if is_fbq(callee) {
            return Some(Target::Fbq);
        }
        let name = dotted(callee)?;
        let (object, method) = name.rsplit_once('.').unwrap_or(("", &name));
        let owner = object.rsplit('.').next().unwrap_or_default();
        match method {
            "captureLead" | "recordPurchase" if !object.is_empty() => Some(Target::Tandem(method.to_owned())),
            "connect" if owner == "Tandem" => Some(Target::Tandem(method.to_owned())),
            "track" | "trackCustom" if owner == "tandem" || self.tandems.contains(owner) => {
                Some(Target::Tandem(method.to_owned()))
            }
            "fetch" | "sendBeacon" | "open" | "axios" | "ajax" | "request" => Some(Target::Network),
            "get" | "post" if matches!(owner, "axios" | "$" | "jQuery" | "http" | "ky") => {
                Some(Target::Network)
            }
            _ => None,
        }
    }
}

impl<'a> VisitJs<'a> for Visitor<'_> {
    fn visit_statements(&mut self, statements: &ArenaVec<'a, Statement<'a>>) {
        // `if (!window.fbq) return;` guards what follows.
        let mut added = 0;
        let mut left = None;
        for statement in statements {
            self.visit_statement(statement);
            if let Statement::IfStatement(test) = statement
                && test.alternate.is_none()
                && leaves(&test.consequent)
            {
                let before = self.repeats.test(&test.test);
                left.get_or_insert(before);
                if asserts_fbq(&test.test, &self.known) == Some(false) {
                    added += 1;
                    self.guards += 1;
                }
            }
        }
        self.guards -= added;
        if let Some(before) = left {
            self.repeats.end_test(before);
        }
    }

    fn visit_if_statement(&mut self, it: &IfStatement<'a>) {
        let asserted = asserts_fbq(&it.test, &self.known);
        self.visit_expression(&it.test);
        self.side(&it.test, true, asserted == Some(true), |me| me.visit_statement(&it.consequent));
        if let Some(alternate) = &it.alternate {
            self.side(&it.test, false, asserted == Some(false), |me| me.visit_statement(alternate));
        }
    }

    fn visit_conditional_expression(&mut self, it: &ConditionalExpression<'a>) {
        let asserted = asserts_fbq(&it.test, &self.known);
        self.visit_expression(&it.test);
        self.side(&it.test, true, asserted == Some(true), |me| me.visit_expression(&it.consequent));
        self.side(&it.test, false, asserted == Some(false), |me| me.visit_expression(&it.alternate));
    }

    fn visit_logical_expression(&mut self, it: &LogicalExpression<'a>) {
        let asserted = asserts_fbq(&it.left, &self.known);
        let by = match it.operator {
            LogicalOperator::And => asserted == Some(true),
            LogicalOperator::Or => asserted == Some(false),
            LogicalOperator::Coalesce => false,
        };
        self.visit_expression(&it.left);
        let before = self.repeats.test(&it.left);
        self.with_guard(by, |me| me.visit_expression(&it.right));
        self.repeats.end_test(before);
    }

    fn visit_try_statement(&mut self, it: &TryStatement<'a>) {
        let side = |side| Branch { test: it.span.start as usize, side, is_condition: false };
        let is_caught = it.handler.is_some();
        self.branch(side(true), is_caught, |me| me.visit_block_statement(&it.block));
        if let Some(handler) = &it.handler {
            self.branch(side(false), false, |me| me.visit_catch_clause(handler));
        }
        if let Some(finalizer) = &it.finalizer {
            self.visit_block_statement(finalizer);
        }
    }

    fn visit_function(&mut self, it: &Function<'a>, flags: ScopeFlags) {
        if self.functions == 0 && it.id.as_ref().is_some_and(|id| id.name == "fbq") {
            self.facts.defines.push(it.span.start as usize);
        }
        let is_given = it
            .params
            .items
            .iter()
            .any(|item| item.pattern.get_identifier_name().is_some_and(|name| name == "fbq"));
        let name = it.id.as_ref().map(|id| id.name.to_string());
        self.function(it.span.start, name, |me| {
            me.with_guard(is_given, |me| walk::walk_function(me, it, flags));
        });
    }

    fn visit_arrow_function_expression(&mut self, it: &ArrowFunctionExpression<'a>) {
        self.function(it.span.start, None, |me| walk::walk_arrow_function_expression(me, it));
    }

    fn visit_variable_declarator(&mut self, it: &VariableDeclarator<'a>) {
        if let (Some(name), Some(init)) = (it.id.get_identifier_name(), &it.init) {
            let name = name.to_string();
            // `const fbq = window.fbq` does not define fbq.
            if name == "fbq" && self.functions == 0 && !is_fbq(init) {
                self.facts.defines.push(it.span.start as usize);
            }
            if let Some(asserted) = asserts_fbq(init, &self.known) {
                self.known.insert(name.clone(), asserted);
            }
            if is_connect(init) {
                self.tandems.insert(name.clone());
            }
            self.name_function(&name, init);
            self.repeats.declare(&name, init);
            let value = self.reader.value(init);
            if self.facts.constants.insert(name.clone(), value).is_some() {
                self.changed.insert(name);
            }
        } else {
            self.changed.extend(it.id.get_binding_identifiers().iter().map(|id| id.name.to_string()));
        }
        walk::walk_variable_declarator(self, it);
    }

    fn visit_assignment_expression(&mut self, it: &AssignmentExpression<'a>) {
        if let Some(root) = root_of(&it.left) {
            self.repeats.change(&root);
        }
        if let Some(name) = name_of(&it.left) {
            self.name_function(&name, &it.right);
            self.repeats.assign(&name, &it.right);
            if name.rsplit('.').next() == Some("fbq") && !is_fbq(&it.right) {
                self.facts.defines.push(it.span.start as usize);
            }
            if is_connect(&it.right) {
                self.tandems.insert(name.rsplit('.').next().unwrap_or_default().to_owned());
            }
            if !name.contains('.') {
                self.changed.insert(name);
            }
        }
        walk::walk_assignment_expression(self, it);
    }

    fn visit_update_expression(&mut self, it: &UpdateExpression<'a>) {
        if let Some(root) = it.argument.get_expression().and_then(dotted) {
            self.repeats.change(&root);
        }
        if let oxc_ast::ast::SimpleAssignmentTarget::AssignmentTargetIdentifier(name) = &it.argument {
            self.repeats.change(&name.name);
        }
        walk::walk_update_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        self.repeats.look(it);
        if let Some(start) = called_function(&it.callee) {
            self.called_at = Some(start);
        }
        if let Some(target) = self.target(&it.callee) {
            let arguments = it
                .arguments
                .iter()
                .map(|argument| Argument {
                    value: self.reader.argument(argument),
                    span: range(argument.span()),
                })
                .collect();
            self.facts.calls.push(Call {
                target,
                arguments,
                is_open: it.arguments.iter().any(oxc_ast::ast::Argument::is_spread),
                span: range(it.span),
                is_guarded: self.guards > 0 || it.optional,
                function: self.later.last().copied(),
                branches: self.branches.iter().rev().take(BRANCHES_MAX).copied().collect(),
                sides: Vec::new(),
                repeats: None,
            });
            self.repeats.call(self.facts.calls.len() - 1);
        }
        let name = dotted(&it.callee).unwrap_or_default();
        let last = name.rsplit('.').next().unwrap_or_default();
        let by_design = matches!(last, "replace" | "replaceAll" | "RegExp" | "split") || name == "JSON.parse";
        self.escapes += usize::from(by_design);
        walk::walk_call_expression(self, it);
        self.escapes -= usize::from(by_design);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        let by_design = dotted(&it.callee).as_deref() == Some("RegExp");
        self.escapes += usize::from(by_design);
        walk::walk_new_expression(self, it);
        self.escapes -= usize::from(by_design);
    }

    fn visit_string_literal(&mut self, it: &StringLiteral<'a>) {
        self.facts.texts.push(Text {
            value: it.value.to_string(),
            span: range(it.span),
            is_escaped_by_design: self.escapes > 0,
        });
    }

    fn visit_template_literal(&mut self, it: &TemplateLiteral<'a>) {
        for quasi in &it.quasis {
            self.facts.texts.push(Text {
                value: quasi.value.cooked.map(|text| text.to_string()).unwrap_or_default(),
                span: range(quasi.span),
                is_escaped_by_design: self.escapes > 0,
            });
        }
        walk::walk_template_literal(self, it);
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        self.facts.imports.push((it.source.value.to_string(), range(it.source.span)));
    }

    fn visit_import_expression(&mut self, it: &ImportExpression<'a>) {
        if let Expression::StringLiteral(source) = &it.source {
            self.facts.imports.push((source.value.to_string(), range(source.span)));
        }
        walk::walk_import_expression(self, it);
    }
}
