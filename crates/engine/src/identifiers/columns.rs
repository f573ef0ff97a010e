//! A set of column names, found without regard to case.

use mooring_spi::{Result, fold, pick_name};
use sqlparser::ast::Ident;
use std::collections::HashMap;
use std::rc::Rc;

/// The names of the columns of a relation or of several. Shared, since a statement may name one
/// wide table many times.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    by_folded: HashMap<String, Vec<Rc<str>>>,
    /// There may be others.
    pub partial: bool,
}

impl Columns {
    pub fn unknown() -> Rc<Self> {
        Rc::new(Self { by_folded: HashMap::new(), partial: true })
    }

    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Rc<Self> {
        let mut columns = Self::default();
        for name in names {
            columns.add(name);
        }
        Rc::new(columns)
    }

    pub fn add(&mut self, name: &str) {
        let names = self.by_folded.entry(fold(name)).or_default();
        if !names.iter().any(|known| **known == *name) {
            names.push(name.into());
        }
    }

    pub fn remove(&mut self, name: &str) {
        if let Some(names) = self.by_folded.get_mut(&fold(name)) {
            names.retain(|known| **known != *name);
        }
    }

    pub fn names(&self, ident: &Ident) -> &[Rc<str>] {
        self.by_folded.get(&fold(&ident.value)).map_or(&[], Vec::as_slice)
    }

    /// The name that `ident` means; `None` when there is none, or when several differ from it in
    /// case only and another one may be there.
    ///
    /// # Errors
    /// `AmbiguousName`.
    pub fn pick(&self, ident: &Ident) -> Result<Option<Rc<str>>> {
        let names = self.names(ident);
        match pick_name(&ident.value, names.iter().map(|name| &**name)) {
            Ok(picked) => Ok(picked.map(Rc::from)),
            Err(_) if self.partial => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds the names of `other`.
    pub fn merge(into: &mut Rc<Self>, other: &Rc<Self>) {
        if into.by_folded.is_empty() && !into.partial {
            *into = other.clone();
            return;
        }
        let columns = Rc::make_mut(into);
        columns.partial |= other.partial;
        for (folded, names) in &other.by_folded {
            let known = columns.by_folded.entry(folded.clone()).or_default();
            for name in names {
                if !known.contains(name) {
                    known.push(name.clone());
                }
            }
        }
    }
}
