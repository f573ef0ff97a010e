//! The rules of physical plans: DataFusion's, with ours in their places among them.

use crate::facts::{ForgetFalseFacts, MergeByWholeOrder};
use crate::scan::{AwaitKeys, FiltersByName, TracedKeys, UntoldKeys};
use crate::yielding_joins::YieldInJoins;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use std::sync::Arc;

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

pub(crate) fn physical_rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for rule in PhysicalOptimizer::new().rules {
        match rule.name() {
            FiltersByName::REPLACED => rules.push(Arc::new(FiltersByName::default())),
            ForgetFalseFacts::BEFORE => {
                rules.push(Arc::new(ForgetFalseFacts));
                rules.push(rule);
                rules.push(Arc::new(MergeByWholeOrder));
            }
            _ => rules.push(rule),
        }
    }
    rules.push(Arc::new(UntoldKeys));
    rules.push(Arc::new(TracedKeys));
    rules.push(Arc::new(AwaitKeys));
    rules.push(Arc::new(YieldInJoins));
    rules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_have_found_their_places() {
        let rules = physical_rules();
        let places = ["filters_by_name", "forget_false_facts", ForgetFalseFacts::BEFORE];
        let places = places.map(|name| rules.iter().position(|rule| rule.name() == name));
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?}");
        assert!(rules.iter().all(|rule| rule.name() != FiltersByName::REPLACED));
    }
}
