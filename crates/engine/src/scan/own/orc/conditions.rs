//! The conditions of a scan, held against what a file says of its stripes: those that can have no row of them
//! are not read. A filter above the scan applies the conditions, so a stripe may always be read.

use super::bounds::{self, Range};
use super::error::corrupt;
use super::statistics::{Known, Statistics};
use super::tail::Tail;
use super::types::Type;
use crate::scan::own::Wanted;
use crate::scan::own::conform::Places;
use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_optimizer::pruning::{PruningPredicate, build_pruning_predicate};
use datafusion::physical_plan::metrics::{
    Count, ExecutionPlanMetricsSet, MetricBuilder, MetricCategory, MetricType, PruningMetrics,
};
use mooring_spi::Result;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many stripes are looked at before other tasks get their turn, which bounds what is held of them.
const STRIPES_AT_ONCE: usize = 1024;

/// What one partition of a scan is to leave out, and counts of.
#[derive(Debug)]
pub(in crate::scan::own) struct Conditions {
    predicate: Option<Arc<dyn PhysicalExpr>>,
    /// All columns of the table: those of its files, then those of its partitions.
    table: SchemaRef,
    stripes: PruningMetrics,
    errors: Count,
}

/// What is known of a file beside its tail.
pub(super) struct Given<'a> {
    pub wanted: &'a Wanted,
    pub partition_values: &'a [ScalarValue],
}

impl Conditions {
    pub fn new(
        predicate: Option<Arc<dyn PhysicalExpr>>,
        table: SchemaRef,
        metrics: &ExecutionPlanMetricsSet,
        partition: usize,
    ) -> Self {
        let stripes = MetricBuilder::new(metrics)
            .with_type(MetricType::Summary)
            .pruning_metrics("stripes_pruned_statistics", partition);
        let errors = MetricBuilder::new(metrics)
            .with_category(MetricCategory::Rows)
            .counter("predicate_evaluation_errors", partition);
        Self { predicate, table, stripes, errors }
    }

    /// The conditions as they are now: a dynamic filter changes while its plan runs. `None` if they leave out
    /// nothing.
    pub(super) fn now(&self) -> Option<Arc<PruningPredicate>> {
        build_pruning_predicate(self.predicate.clone()?, &self.table, &self.errors)
    }

    /// Those of the stripes at `places` that are read, which are counted.
    ///
    /// # Errors
    /// `CorruptData` for statistics that cannot be read.
    pub(super) async fn left(
        &self,
        predicate: Option<&PruningPredicate>,
        tail: &Tail,
        places: Vec<usize>,
        given: Given<'_>,
    ) -> Result<Vec<usize>> {
        let all = places.len();
        let left = match predicate {
            Some(predicate) if all > 0 => self.met(predicate, tail, &places, given).await?,
            Some(_) | None => places,
        };
        self.stripes.add_pruned(all - left.len());
        self.stripes.add_matched(left.len());
        Ok(left)
    }

    async fn met(
        &self,
        predicate: &PruningPredicate,
        tail: &Tail,
        places: &[usize],
        given: Given<'_>,
    ) -> Result<Vec<usize>> {
        let statistics = match &tail.statistics {
            Some(stored) => {
                Statistics::read(tail.compressed, stored.clone(), tail.stripes.len()).await?
            }
            None => None,
        };
        let columns = Columns::of(predicate, &self.table, tail, &given);
        let mut left = Vec::with_capacity(places.len());
        for places in places.chunks(STRIPES_AT_ONCE) {
            let stripes = columns.stripes(statistics.as_ref(), tail, places)?;
            match predicate.prune(&stripes) {
                Ok(met) if met.len() == places.len() => {
                    left.extend(places.iter().zip(met).filter(|(_, met)| *met).map(|(at, _)| *at));
                }
                Ok(_) | Err(_) => {
                    self.errors.add(1);
                    left.extend(places);
                }
            }
            tokio::task::yield_now().await;
        }
        Ok(left)
    }
}

/// The columns of the conditions.
struct Columns<'a> {
    /// Each with the type that the table gives it, by its name.
    held: Vec<(String, DataType, Held<'a>)>,
    /// Of the file's columns among them, in order.
    numbers: Vec<u32>,
}

enum Held<'a> {
    /// In all rows the same.
    Constant(ScalarValue),
    /// In a column of the file.
    Stored { number: u32, stored: &'a Type },
}

impl<'a> Columns<'a> {
    /// Those that something is known of.
    fn of(
        predicate: &PruningPredicate,
        table: &SchemaRef,
        tail: &'a Tail,
        given: &Given<'_>,
    ) -> Self {
        let names: Vec<&str> = tail.types.root().names.iter().map(String::as_str).collect();
        let columns = collect_columns(predicate.orig_expr());
        // Conditions ask by name for what they want to know.
        let columns = columns.iter().filter(|column| {
            table.index_of(column.name()).is_ok_and(|index| index == column.index())
        });
        let mut held = Vec::new();
        for column in columns {
            let data_type = table.field(column.index()).data_type();
            if let Some(found) = held_in(column.index(), data_type, tail, given, &names) {
                held.push((column.name().to_owned(), data_type.clone(), found));
            }
        }
        let number = |(_, _, held): &(String, DataType, Held<'_>)| match held {
            Held::Stored { number, .. } => Some(*number),
            Held::Constant(_) => None,
        };
        let mut numbers: Vec<u32> = held.iter().filter_map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        Self { held, numbers }
    }

    fn stripes(
        &self,
        statistics: Option<&Statistics>,
        tail: &Tail,
        places: &[usize],
    ) -> Result<Stripes> {
        let mut rows = Vec::with_capacity(places.len());
        let mut known = Vec::with_capacity(places.len());
        for &place in places {
            let stripe = tail.stripes.get(place).ok_or_else(|| corrupt("a stripe is not there"))?;
            rows.push(stripe.rows);
            known.push(match statistics {
                Some(statistics) => statistics.of_stripe(place, &self.numbers)?,
                None => vec![Known::default(); self.numbers.len()],
            });
        }
        let mut columns = HashMap::with_capacity(self.held.len());
        for (name, data_type, held) in &self.held {
            let column = match held {
                Held::Constant(value) => constant(value, &rows),
                Held::Stored { number, stored } => {
                    let at = self.numbers.binary_search(number).unwrap_or_default();
                    let of_column = known.iter().filter_map(|stripe| stripe.get(at));
                    let ranges = of_column
                        .clone()
                        .map(|known| bounds::range(known, stored, data_type, tail.writer));
                    // What lists and structures count is not looked into.
                    let has_parts = !stored.parts.is_empty();
                    let nulls = of_column.zip(&rows).map(|(known, rows)| match has_parts {
                        true => None,
                        false => known.nulls(*rows),
                    });
                    stored_column(data_type, ranges, nulls.collect())
                }
            };
            columns.extend(column.map(|column| (name.clone(), column)));
        }
        Ok(Stripes { rows: Arc::new(UInt64Array::from(rows)), columns })
    }
}

/// Where the values of a column come from; `None` if nothing is known of them.
fn held_in<'a>(
    column: usize,
    data_type: &DataType,
    tail: &'a Tail,
    given: &Given<'_>,
    names: &[&str],
) -> Option<Held<'a>> {
    let Given { wanted, partition_values } = given;
    if let Some(at) = column.checked_sub(wanted.columns.fields().len()) {
        return partition_values.get(at).cloned().map(Held::Constant);
    }
    // What is wrong with its name is told where it is read.
    match Places::find_one(wanted, names, column).ok()? {
        Some(place) => {
            let number = *tail.types.root().parts.get(place)?;
            Some(Held::Stored { number, stored: tail.types.get(number) })
        }
        None => match wanted.missing.get(column) {
            None | Some(None) => ScalarValue::try_from(data_type).ok().map(Held::Constant),
            Some(Some(_)) => None,
        },
    }
}

/// What is known of a column in some stripes.
struct KnownColumn {
    least: ArrayRef,
    greatest: ArrayRef,
    nulls: ArrayRef,
}

fn constant(value: &ScalarValue, rows: &[u64]) -> Option<KnownColumn> {
    let values = value.to_array_of_size(rows.len()).ok()?;
    let nulls = rows.iter().map(|rows| if value.is_null() { *rows } else { 0 });
    let nulls = Arc::new(nulls.collect::<UInt64Array>());
    Some(KnownColumn { least: Arc::clone(&values), greatest: values, nulls })
}

fn stored_column(
    data_type: &DataType,
    ranges: impl Iterator<Item = Range>,
    nulls: UInt64Array,
) -> Option<KnownColumn> {
    let unknown = ScalarValue::try_from(data_type).ok()?;
    let (least, greatest): (Vec<_>, Vec<_>) = ranges
        .map(|Range { least, greatest }| {
            (least.unwrap_or_else(|| unknown.clone()), greatest.unwrap_or_else(|| unknown.clone()))
        })
        .unzip();
    Some(KnownColumn {
        least: ScalarValue::iter_to_array(least).ok()?,
        greatest: ScalarValue::iter_to_array(greatest).ok()?,
        nulls: Arc::new(nulls),
    })
}

/// Some stripes, as DataFusion asks for what is known of them.
struct Stripes {
    rows: ArrayRef,
    columns: HashMap<String, KnownColumn>,
}

impl PruningStatistics for Stripes {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.columns.get(column.name()).map(|known| Arc::clone(&known.least))
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.columns.get(column.name()).map(|known| Arc::clone(&known.greatest))
    }

    fn num_containers(&self) -> usize {
        self.rows.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        self.columns.get(column.name()).map(|known| Arc::clone(&known.nulls))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::clone(&self.rows))
    }

    fn contained(&self, _column: &Column, _values: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
