//! Which operators and functions random relations are made of.

use mooring_spi::{
    Aggregate, Expression, ExpressionKind, Function, Operator, Relation, WindowFunction,
};
use std::collections::BTreeSet;

/// What 5,000 plans hold on every database.
pub(super) const EXERCISED: &[&str] = &[
    "Scan",
    "Filter",
    "Project",
    "Aggregate",
    "Limit",
    "Union",
    "Window",
    "Inner",
    "Left",
    "Right",
    "LeftSemi",
    "LeftAnti",
    "Equal",
    "NotEqual",
    "Less",
    "LessOrEqual",
    "Greater",
    "GreaterOrEqual",
    "Same",
    "In",
    "And",
    "Or",
    "Not",
    "IsNull",
    "IsNotNull",
    "Add",
    "Subtract",
    "Multiply",
    "Negate",
    "Absolute",
    "Coalesce",
    "Like",
    "CharacterLength",
    "Substring",
    "Concat",
    "Year",
    "Month",
    "Day",
    "Case",
    "Cast",
    "Subquery",
    "Substring to the end",
    "Count",
    "Sum",
    "Min",
    "Max",
    "RowNumber",
    "Rank",
    "DenseRank",
];

/// The names of all that is in a relation.
pub(super) fn note(relation: &Relation, used: &mut BTreeSet<String>) {
    let aggregate = |aggregate: &Aggregate, used: &mut BTreeSet<String>| {
        used.insert(format!("{:?}", aggregate.function));
        aggregate
            .argument
            .iter()
            .chain(&aggregate.filter)
            .for_each(|part| note_expression(part, used));
    };
    let name = match &relation.operator {
        Operator::Scan { .. } => "Scan",
        Operator::Filter { conditions, .. } => {
            conditions.iter().for_each(|condition| note_expression(condition, used));
            "Filter"
        }
        Operator::Project { expressions, .. } => {
            expressions.iter().for_each(|expression| note_expression(expression, used));
            "Project"
        }
        Operator::Aggregate { groups, aggregates, .. } => {
            groups.iter().for_each(|group| note_expression(group, used));
            aggregates.iter().for_each(|call| aggregate(call, used));
            "Aggregate"
        }
        Operator::Limit { .. } => "Limit",
        Operator::Join { kind, conditions, .. } => {
            conditions.iter().for_each(|condition| note_expression(condition, used));
            used.insert(format!("{kind:?}"));
            "Join"
        }
        Operator::Union { .. } => "Union",
        Operator::Window { calls, .. } => {
            for call in calls {
                match &call.function {
                    WindowFunction::Aggregate(call) => aggregate(call, used),
                    WindowFunction::RowNumber
                    | WindowFunction::Rank
                    | WindowFunction::DenseRank => {
                        used.insert(format!("{:?}", call.function));
                    }
                }
            }
            "Window"
        }
    };
    used.insert(name.to_owned());
    relation.inputs().into_iter().for_each(|input| note(input, used));
}

fn note_expression(expression: &Expression, used: &mut BTreeSet<String>) {
    match &expression.kind {
        ExpressionKind::Column(_) | ExpressionKind::Literal(_) => {}
        ExpressionKind::Call { function, arguments } => {
            used.insert(format!("{function:?}"));
            if *function == Function::Substring && arguments.len() == 2 {
                used.insert("Substring to the end".to_owned());
            }
            arguments.iter().for_each(|argument| note_expression(argument, used));
        }
        ExpressionKind::Cast(input) => {
            used.insert("Cast".to_owned());
            note_expression(input, used);
        }
        ExpressionKind::Case { branches, otherwise } => {
            used.insert("Case".to_owned());
            for (condition, result) in branches {
                note_expression(condition, used);
                note_expression(result, used);
            }
            if let Some(otherwise) = otherwise {
                note_expression(otherwise, used);
            }
        }
        ExpressionKind::Subquery(relation) => {
            used.insert("Subquery".to_owned());
            note(relation, used);
        }
    }
}
