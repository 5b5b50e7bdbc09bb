//! Compiles an expression of CEL, if all of it is known here.

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedEntryExpr, ListExpr, LiteralValue, operators,
};
use serde_json::Value;

use super::{Function, Loop, Plain, Round};
use crate::condition::references::is_name;

impl Plain {
    /// Returns `None` if only CEL can evaluate the expression.
    pub(in crate::condition) fn of(expression: &Expr) -> Option<Self> {
        compile(expression, &mut Vec::new())
    }

    /// How many parts the expression has.
    fn size(&self) -> usize {
        let sum = |parts: &[Self]| parts.iter().map(Self::size).sum();
        1 + match self {
            Self::Literal(_) | Self::Name(_) | Self::Variable(_) => 0,
            Self::Member(part, _) | Self::Has(part, _) | Self::Not(part) => part.size(),
            Self::Index(parts)
            | Self::And(parts)
            | Self::Or(parts)
            | Self::Equal(parts)
            | Self::Less(parts)
            | Self::In(parts)
            | Self::Add(parts) => sum(&parts[..]),
            Self::If(parts) => sum(&parts[..]),
            Self::Call(_, parts) | Self::List(parts) => sum(parts),
            Self::Map(entries) => entries.iter().map(|(_, value)| value.size()).sum(),
            Self::Choice(entries, index) => {
                entries.iter().map(|(_, value)| value.size()).sum::<usize>() + index.size()
            }
            Self::Loop(of) => of.range.size() + of.operations,
        }
    }
}

/// `bound` holds the variables of the enclosing loops, the innermost last.
fn compile<'e>(expression: &'e Expr, bound: &mut Vec<&'e str>) -> Option<Plain> {
    Some(match expression {
        Expr::Literal(literal) => Plain::Literal(value_of(literal)?),
        Expr::Ident(name) => {
            // A leading full stop means the name itself, also where a variable has the same name.
            let variable = bound.iter().rev().position(|variable| variable == name);
            if let Some(loops_out) = variable {
                return Some(Plain::Variable(loops_out));
            }
            let name = name.strip_prefix('.').unwrap_or(name);
            is_name(name).then(|| Plain::Name(name.to_owned()))?
        }
        Expr::Select(select) => {
            let within = Box::new(compile(&select.operand.expr, bound)?);
            let build = if select.test { Plain::Has } else { Plain::Member };
            build(within, select.field.clone())
        }
        Expr::Call(call) => compile_call(call, bound)?,
        Expr::List(list) => Plain::List(compile_all(items(list)?, bound)?),
        Expr::Map(map) => Plain::Map(
            entries(&map.entries, bound)?
                .into_iter()
                .map(|(key, value)| Some((key.as_str()?.to_owned(), value)))
                .collect::<Option<_>>()?,
        ),
        Expr::Comprehension(of) => Plain::Loop(Box::new(compile_loop(of, bound)?)),
        Expr::Struct(_) | Expr::Unspecified => return None,
    })
}

fn compile_call<'e>(call: &'e CallExpr, bound: &mut Vec<&'e str>) -> Option<Plain> {
    let arguments = call.target.iter().map(AsRef::as_ref).chain(&call.args);
    let arguments: Vec<&Expr> = arguments.map(|argument| &argument.expr).collect();
    if let (operators::INDEX, [Expr::Map(map), index]) = (call.func_name.as_str(), arguments.as_slice()) {
        let entries = entries(&map.entries, bound)?;
        return Some(Plain::Choice(entries, Box::new(compile(index, bound)?)));
    }
    if let Some(build) = binary(&call.func_name) {
        return Some(build(two(&arguments, bound)?));
    }
    Some(match (call.func_name.as_str(), arguments.as_slice()) {
        (operators::CONDITIONAL, [condition, then, otherwise]) => Plain::If(Box::new([
            compile(condition, bound)?,
            compile(then, bound)?,
            compile(otherwise, bound)?,
        ])),
        (operators::LOGICAL_NOT, [part]) => Plain::Not(Box::new(compile(part, bound)?)),
        (operators::NOT_EQUALS, _) => Plain::Not(Box::new(Plain::Equal(two(&arguments, bound)?))),
        (operators::GREATER, [one, other]) => Plain::Less(two(&[other, one], bound)?),
        (operators::LESS_EQUALS, [one, other]) => {
            Plain::Not(Box::new(Plain::Less(two(&[other, one], bound)?)))
        }
        (operators::GREATER_EQUALS, _) => Plain::Not(Box::new(Plain::Less(two(&arguments, bound)?))),
        ("firstField", [object, Expr::List(names)]) if call.target.is_none() => {
            let names = items(names)?.map(|name| match name {
                Expr::Literal(LiteralValue::String(name)) => Some(name.inner().to_owned()),
                _ => None,
            });
            let names = names.collect::<Option<_>>()?;
            Plain::Call(Function::FirstField(names), vec![compile(object, bound)?])
        }
        ("matches", [_, Expr::Literal(LiteralValue::String(_))]) => {
            Plain::Call(Function::Matches, compile_all(arguments.into_iter(), bound)?)
        }
        (name, _) => {
            let function = Function::named(name, call.target.is_some(), arguments.len())?;
            Plain::Call(function, compile_all(arguments.into_iter(), bound)?)
        }
    })
}

/// Builds an operator from its two sides.
type BuildBinary = fn(Box<[Plain; 2]>) -> Plain;

fn binary(operator: &str) -> Option<BuildBinary> {
    Some(match operator {
        operators::INDEX => Plain::Index,
        operators::LOGICAL_AND => Plain::And,
        operators::LOGICAL_OR => Plain::Or,
        operators::EQUALS => Plain::Equal,
        operators::LESS => Plain::Less,
        operators::IN => Plain::In,
        operators::ADD => Plain::Add,
        _ => return None,
    })
}

fn two<'e>(parts: &[&'e Expr], bound: &mut Vec<&'e str>) -> Option<Box<[Plain; 2]>> {
    let [one, other] = parts else { return None };
    Some(Box::new([compile(one, bound)?, compile(other, bound)?]))
}

fn compile_all<'e>(parts: impl Iterator<Item = &'e Expr>, bound: &mut Vec<&'e str>) -> Option<Vec<Plain>> {
    parts.map(|part| compile(part, bound)).collect()
}

/// A literal whose type JSON has, too.
fn value_of(literal: &LiteralValue) -> Option<Value> {
    match literal {
        LiteralValue::Boolean(value) => Some((*value.inner()).into()),
        LiteralValue::Int(number) => Some((*number.inner()).into()),
        LiteralValue::Null => Some(Value::Null),
        LiteralValue::String(text) => Some(text.inner().into()),
        LiteralValue::Bytes(_) | LiteralValue::Double(_) | LiteralValue::UInt(_) => None,
    }
}

/// The items of a literal list.
fn items(list: &ListExpr) -> Option<impl Iterator<Item = &Expr>> {
    let is_plain = list.optional_indices.is_empty();
    is_plain.then(|| list.elements.iter().map(|item| &item.expr))
}

/// The keys of a literal map, all texts or booleans and each once, and its values.
fn entries<'e>(entries: &'e [IdedEntryExpr], bound: &mut Vec<&'e str>) -> Option<Vec<(Value, Plain)>> {
    let mut found: Vec<(Value, Plain)> = Vec::with_capacity(entries.len());
    for entry in entries {
        let EntryExpr::MapEntry(entry) = &entry.expr else {
            return None;
        };
        let Expr::Literal(key @ (LiteralValue::String(_) | LiteralValue::Boolean(_))) = &entry.key.expr
        else {
            return None;
        };
        let key = value_of(key)?;
        if entry.optional || found.iter().any(|(known, _)| *known == key) {
            return None;
        }
        found.push((key, compile(&entry.value.expr, bound)?));
    }
    Some(found)
}

fn compile_loop<'e>(of: &'e ComprehensionExpr, bound: &mut Vec<&'e str>) -> Option<Loop> {
    if of.iter_var2.is_some() {
        return None;
    }
    let range = compile(&of.iter_range.expr, bound)?;
    bound.push(&of.iter_var);
    let round = compile_round(of, bound);
    bound.pop();
    let round = round?;
    let operations = match &round {
        Round::Append(condition, item) => 1 + item.size() + condition.as_ref().map_or(0, Plain::size),
        Round::Any(condition, _) => 1 + condition.size(),
    };
    Some(Loop {
        range,
        round,
        operations,
    })
}

fn compile_round<'e>(of: &'e ComprehensionExpr, bound: &mut Vec<&'e str>) -> Option<Round> {
    if let Some((condition, item)) = appended(of) {
        let condition = match condition {
            Some(condition) => Some(compile(condition, bound)?),
            None => None,
        };
        return Some(Round::Append(condition, compile(item, bound)?));
    }
    let is_result = |part: &Expr| matches!(part, Expr::Ident(name) if *name == of.accu_var);
    let (Expr::Call(step), Expr::Literal(LiteralValue::Boolean(first))) =
        (&of.loop_step.expr, &of.accu_init.expr)
    else {
        return None;
    };
    let [before, condition] = step.args.as_slice() else {
        return None;
    };
    let decisive = !*first.inner();
    let operator = if decisive {
        operators::LOGICAL_OR
    } else {
        operators::LOGICAL_AND
    };
    let is_macro = step.func_name == operator && is_result(&before.expr) && is_result(&of.result.expr);
    is_macro.then(|| Some(Round::Any(compile(&condition.expr, bound)?, decisive)))?
}

/// What the macros `map` and `filter` append in each round, and their condition: `condition ? @result + [item] : @result`.
fn appended(loops: &ComprehensionExpr) -> Option<(Option<&Expr>, &Expr)> {
    let is_result = |expression: &Expr| matches!(expression, Expr::Ident(name) if *name == loops.accu_var);
    let (condition, step) = match &loops.loop_step.expr {
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => match call.args.as_slice() {
            [condition, step, otherwise] if is_result(&otherwise.expr) => (Some(&condition.expr), &step.expr),
            _ => return None,
        },
        step => (None, step),
    };
    let Expr::Call(add) = step else { return None };
    let [before, added] = add.args.as_slice() else {
        return None;
    };
    let Expr::List(added) = &added.expr else {
        return None;
    };
    let [item] = added.elements.as_slice() else {
        return None;
    };
    let is_macro = add.func_name == operators::ADD
        && is_result(&before.expr)
        && is_result(&loops.result.expr)
        && added.optional_indices.is_empty()
        && loops.iter_var2.is_none();
    is_macro.then_some((condition, &item.expr))
}
