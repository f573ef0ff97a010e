use super::condition::ConditionInTurns;
use super::{YieldInJoins, YieldingJoinExec};
use crate::codec::MooringCodec;
use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use datafusion::catalog::memory::MemorySourceConfig;
use datafusion::common::config::ConfigOptions;
use datafusion::common::{JoinSide, JoinType, NullEquality};
use datafusion::execution::TaskContext;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{BinaryExpr, Column, lit};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::joins::utils::{ColumnIndex, JoinFilter};
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, PartitionMode};
use datafusion::physical_plan::{
    ChildrenPropertiesMode, ExecutionPlan, ReplaceChildrenOptions, displayable,
};
use datafusion::prelude::SessionConfig;
use datafusion_proto::bytes::{
    physical_plan_from_bytes_with_extension_codec, physical_plan_to_bytes_with_extension_codec,
};
use futures::StreamExt;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

const TYPES: [JoinType; 10] = [
    JoinType::Inner,
    JoinType::Left,
    JoinType::Right,
    JoinType::Full,
    JoinType::LeftSemi,
    JoinType::RightSemi,
    JoinType::LeftAnti,
    JoinType::RightAnti,
    JoinType::LeftMark,
    JoinType::RightMark,
];

/// A number of its own, and a key that all rows share.
fn batch(numbers: impl Iterator<Item = i64>) -> RecordBatch {
    let numbers = Int64Array::from_iter_values(numbers);
    let keys = Int64Array::from_iter_values(std::iter::repeat_n(7, numbers.len()));
    let columns = [("n", Arc::new(numbers) as ArrayRef), ("k", Arc::new(keys) as ArrayRef)];
    RecordBatch::try_from_iter(columns).expect("a batch")
}

fn memory(batches: Vec<RecordBatch>) -> Arc<dyn ExecutionPlan> {
    let schema = batches[0].schema();
    MemorySourceConfig::try_new_exec(&[batches], schema, None).expect("a source")
}

fn numbers(range: Range<i64>, rows_per_batch: i64) -> Arc<dyn ExecutionPlan> {
    let starts = range.clone().step_by(usize::try_from(rows_per_batch).expect("a size"));
    let batches = starts.map(|start| batch(start..range.end.min(start + rows_per_batch)));
    memory(batches.collect())
}

/// `left.n = right.n * 20`
fn condition() -> JoinFilter {
    let column = |name: &str, index| Arc::new(Column::new(name, index)) as Arc<dyn PhysicalExpr>;
    let product = BinaryExpr::new(column("r", 1), Operator::Multiply, lit(20_i64));
    let equal = BinaryExpr::new(column("l", 0), Operator::Eq, Arc::new(product));
    let sides = [JoinSide::Left, JoinSide::Right].map(|side| ColumnIndex { index: 0, side });
    let fields = ["l", "r"].map(|name| Field::new(name, DataType::Int64, true));
    JoinFilter::new(Arc::new(equal), sides.to_vec(), Arc::new(Schema::new(fields.to_vec())))
}

type Inputs = (Arc<dyn ExecutionPlan>, Arc<dyn ExecutionPlan>);
type Join = fn(Inputs, JoinType) -> Arc<dyn ExecutionPlan>;

fn nested_loop((left, right): Inputs, kind: JoinType) -> Arc<dyn ExecutionPlan> {
    let join = NestedLoopJoinExec::try_new(left, right, Some(condition()), &kind, None);
    Arc::new(join.expect("a join"))
}

/// By the key that all rows share.
fn hash((left, right): Inputs, kind: JoinType) -> Arc<dyn ExecutionPlan> {
    let key = || Arc::new(Column::new("k", 1)) as Arc<dyn PhysicalExpr>;
    let join = HashJoinExec::try_new(
        left,
        right,
        vec![(key(), key())],
        Some(condition()),
        &kind,
        None,
        PartitionMode::CollectLeft,
        NullEquality::NullEqualsNothing,
        false,
    );
    Arc::new(join.expect("a join"))
}

/// As the condition of `EXISTS (SELECT … FROM right)` is: none.
fn nested_loop_without_condition((left, right): Inputs, kind: JoinType) -> Arc<dyn ExecutionPlan> {
    Arc::new(NestedLoopJoinExec::try_new(left, right, None, &kind, None).expect("a join"))
}

fn in_turns(plan: Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> {
    YieldInJoins.optimize(plan, &ConfigOptions::new()).expect("a plan")
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// All rows, and how often the thread was given back meanwhile.
fn read(plan: &Arc<dyn ExecutionPlan>, batch_size: usize) -> (RecordBatch, usize) {
    let config = SessionConfig::new().with_batch_size(batch_size);
    let context = TaskContext::default().with_session_config(config);
    let mut stream = plan.execute(0, Arc::new(context)).expect("a stream");
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    let mut context = Context::from_waker(&waker);
    let (mut batches, mut given_back) = (Vec::new(), 0);
    loop {
        match stream.poll_next_unpin(&mut context) {
            Poll::Ready(Some(batch)) => batches.push(batch.expect("rows")),
            Poll::Ready(None) => break,
            Poll::Pending => {
                assert!(woken.0.swap(false, Ordering::Relaxed), "nobody will poll again");
                given_back += 1;
            }
        }
    }
    (concat_batches(&plan.schema(), &batches).expect("one schema"), given_back)
}

/// With small batches several left rows meet a right batch one after the other, with larger ones
/// at once. There are rows without a partner on both sides.
#[test]
fn turns_change_no_rows() {
    let inputs = || (numbers(0..400, 150), numbers(0..30, 3));
    for (name, join) in [("nested loop", nested_loop as Join), ("hash", hash as Join)] {
        for kind in TYPES {
            for batch_size in [8, 64] {
                let (expected, _) = read(&join(inputs(), kind), batch_size);
                let (rows, given_back) = read(&in_turns(join(inputs(), kind)), batch_size);
                assert_eq!(rows, expected, "{name}, {kind}, {batch_size}");
                assert!(given_back > 0, "{name}, {kind}, {batch_size}");
                if kind == JoinType::Inner {
                    // 20 of the 30 numbers on the right have a partner below 400.
                    assert_eq!(rows.num_rows(), 20, "{name}, {batch_size}");
                }
            }
        }
    }
}

#[test]
fn a_join_has_its_turns_inside_those_of_another() {
    let inner =
        |from| nested_loop((numbers(from..from + 400, 150), numbers(0..30, 3)), JoinType::Left);
    let plan = || nested_loop((inner(0), inner(1)), JoinType::Full);
    let (expected, _) = read(&plan(), 8);
    let (rows, given_back) = read(&in_turns(plan()), 8);
    assert_eq!(rows, expected);
    assert!(given_back > 0);
}

/// Where all pairs are marked before the first row: 400 rows have a partner, or none is left.
#[test]
fn a_join_without_condition_has_turns_where_pairs_are_no_rows() {
    for (kind, expected) in [(JoinType::LeftSemi, 400), (JoinType::LeftAnti, 0)] {
        let inputs = (numbers(0..400, 150), numbers(0..30, 3));
        let (rows, given_back) = read(&in_turns(nested_loop_without_condition(inputs, kind)), 8);
        assert_eq!(rows.num_rows(), expected, "{kind}");
        assert!(given_back > 0, "{kind}");
    }
}

/// A poll of a join that would look at pairs for hours, and then its end.
#[test]
fn a_join_that_finds_nothing_lets_go_of_its_inputs() {
    let ones = || batch(std::iter::repeat_n(1, 8192));
    let joins = [
        ("nested loop", nested_loop as Join),
        ("hash", hash as Join),
        ("nested loop without condition", nested_loop_without_condition as Join),
    ];
    for (name, join) in joins {
        let right = ones();
        let held = Arc::downgrade(right.column(0));
        let inputs = (memory(vec![ones(); 12]), memory(vec![right; 10_000]));
        let plan = in_turns(join(inputs, JoinType::LeftSemi));
        let (tell, told) = mpsc::channel();
        // A thread of its own: it would never come back, and the test has to fail then.
        std::thread::spawn(move || {
            let mut stream = plan.execute(0, Arc::default()).expect("a stream");
            drop(plan);
            let mut context = Context::from_waker(Waker::noop());
            let polled = stream.poll_next_unpin(&mut context).is_pending();
            drop(stream);
            tell.send(polled).expect("somebody waits");
        });
        assert_eq!(told.recv_timeout(PATIENCE), Ok(true), "{name}");
        assert_eq!(held.strong_count(), 0, "{name}");
    }
}

fn text(plan: &Arc<dyn ExecutionPlan>) -> String {
    displayable(plan.as_ref()).indent(false).to_string()
}

fn empty() -> Inputs {
    let side = || Arc::new(EmptyExec::new(batch(0..0).schema())) as Arc<dyn ExecutionPlan>;
    (side(), side())
}

fn has_turns(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let join = plan.children()[0];
    let nested = join.downcast_ref::<NestedLoopJoinExec>().and_then(NestedLoopJoinExec::filter);
    let filter = nested.or(join.downcast_ref::<HashJoinExec>().and_then(HashJoinExec::filter));
    plan.is::<YieldingJoinExec>()
        && filter.is_some_and(|filter| filter.expression().is::<ConditionInTurns>())
}

#[test]
fn the_node_crosses_to_workers_and_shows_the_plain_condition() {
    for join in [nested_loop as Join, hash as Join] {
        let plain = join(empty(), JoinType::Left);
        let sent = in_turns(Arc::clone(&plain));
        let below = text(&sent).replacen("YieldingJoinExec\n", "", 1).replace("\n  ", "\n");
        assert_eq!(below.trim_start(), text(&plain));
        let bytes = physical_plan_to_bytes_with_extension_codec(Arc::clone(&sent), &MooringCodec);
        let context = TaskContext::default();
        let arrived = physical_plan_from_bytes_with_extension_codec(
            &bytes.expect("bytes"),
            &context,
            &MooringCodec,
        );
        let arrived = arrived.expect("a node");
        assert_eq!(text(&arrived), text(&sent));
        assert!(has_turns(&sent) && has_turns(&arrived), "{}", text(&arrived));
    }
}

/// As the distributed planner swaps it: below a projection that puts the columns back.
#[test]
fn a_join_that_is_swapped_late_keeps_its_turns() {
    let plan = in_turns(nested_loop(empty(), JoinType::Left));
    let join = plan.children()[0].downcast_ref::<NestedLoopJoinExec>().expect("a join");
    let swapped = join.swap_inputs().expect("a join");
    assert_eq!(swapped.name(), "ProjectionExec");
    let options = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute);
    let projection = plan.replace_children(vec![swapped], options).expect("a plan");
    assert_eq!(projection.name(), "ProjectionExec");
    assert!(has_turns(projection.children()[0]), "{}", text(&projection));
}
