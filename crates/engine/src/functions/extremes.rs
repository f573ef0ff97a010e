//! `min` and `max` by groups, of doubles. DataFusion's (55) begin with the largest finite number, which is less than infinity,
//! and take any number in the place of NaN and NaN in the place of any. Ours are in the order of sorts and of
//! `min` without groups: -0.0 is less than 0.0, and NaN is greater than every number.

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray};
use datafusion::arrow::datatypes::{
    DataType, Field, FieldRef, Float32Type, Float64Type, Int32Type, Int64Type,
};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator,
    ReversedUDAF, SetMonotonicity, Signature, StatisticsArgs,
};
use std::sync::Arc;

/// In the place of DataFusion's of the same names.
pub(super) fn extremes() -> [Arc<AggregateUDF>; 2] {
    [min_udaf(), max_udaf()].map(|inner| Arc::new(AggregateUDF::from(Extreme(inner))))
}

/// DataFusion's, but for groups of doubles.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme(Arc<AggregateUDF>);

impl AggregateUDFImpl for Extreme {
    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        let numbers = match args.return_field.data_type() {
            DataType::Float32 => DataType::Int32,
            DataType::Float64 => DataType::Int64,
            _ => return self.0.inner().create_groups_accumulator(args),
        };
        let return_field: FieldRef = Arc::new(Field::new(args.return_field.name(), numbers, true));
        let inner =
            self.0.inner().create_groups_accumulator(AccumulatorArgs { return_field, ..args })?;
        Ok(Box::new(InTotalOrder(inner)))
    }

    fn name(&self) -> &str {
        self.0.inner().name()
    }

    fn signature(&self) -> &Signature {
        self.0.inner().signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.0.inner().return_type(arg_types)
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.0.inner().accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.0.inner().state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.0.inner().groups_accumulator_supported(args)
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn Accumulator>> {
        self.0.inner().create_sliding_accumulator(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.0.inner().order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        self.0.inner().reverse_expr()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.0.inner().coerce_types(arg_types)
    }

    fn is_descending(&self) -> Option<bool> {
        self.0.inner().is_descending()
    }

    fn value_from_stats(&self, statistics: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.0.inner().value_from_stats(statistics)
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.0.inner().set_monotonicity(data_type)
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.0.inner().documentation()
    }
}

/// Of whole numbers that are in the order of the doubles that they stand for.
struct InTotalOrder(Box<dyn GroupsAccumulator>);

impl GroupsAccumulator for InTotalOrder {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let numbers = in_order(values);
        self.0.update_batch(&numbers, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit_to).map(|numbers| as_doubles(&numbers))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(self.0.state(emit_to)?.iter().map(as_doubles).collect())
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.0.merge_batch(&in_order(values), group_indices, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let states = self.0.convert_to_state(&in_order(values), opt_filter)?;
        Ok(states.iter().map(as_doubles).collect())
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

/// The bits without the sign, turned around below zero: IEEE 754-2008, 5.10 "totalOrder". It is its own inverse.
fn turned_64(bits: i64) -> i64 {
    bits ^ (bits >> 63).cast_unsigned().wrapping_shr(1).cast_signed()
}

fn turned_32(bits: i32) -> i32 {
    bits ^ (bits >> 31).cast_unsigned().wrapping_shr(1).cast_signed()
}

fn in_order(values: &[ArrayRef]) -> Vec<ArrayRef> {
    let numbers = |array: &ArrayRef| -> ArrayRef {
        if let Some(doubles) = array.as_primitive_opt::<Float64Type>() {
            let turned = |number: f64| turned_64(number.to_bits().cast_signed());
            Arc::new(doubles.unary::<_, Int64Type>(turned))
        } else if let Some(floats) = array.as_primitive_opt::<Float32Type>() {
            let turned = |number: f32| turned_32(number.to_bits().cast_signed());
            Arc::new(floats.unary::<_, Int32Type>(turned))
        } else {
            array.clone()
        }
    };
    values.iter().map(numbers).collect()
}

fn as_doubles(numbers: &ArrayRef) -> ArrayRef {
    if let Some(numbers) = numbers.as_primitive_opt::<Int64Type>() {
        let turned = |number| f64::from_bits(turned_64(number).cast_unsigned());
        Arc::new(numbers.unary::<_, Float64Type>(turned))
    } else if let Some(numbers) = numbers.as_primitive_opt::<Int32Type>() {
        let turned = |number| f32::from_bits(turned_32(number).cast_unsigned());
        Arc::new(numbers.unary::<_, Float32Type>(turned))
    } else {
        numbers.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::arrow::array::Float64Array;
    use datafusion::arrow::datatypes::Schema;

    /// Of the groups {infinity}, {NaN, 1.5}, {0.0, -0.0}, {} in this order.
    fn of_groups(at: usize) -> Vec<Option<u64>> {
        let schema = Schema::empty();
        let args = AccumulatorArgs {
            return_field: Arc::new(Field::new("f", DataType::Float64, true)),
            schema: &schema,
            ignore_nulls: false,
            order_bys: &[],
            is_reversed: false,
            name: "f",
            is_distinct: false,
            exprs: &[],
            expr_fields: &[],
        };
        let mut groups = extremes()[at].inner().create_groups_accumulator(args).expect("groups");
        let values = [Some(f64::INFINITY), Some(f64::NAN), Some(1.5), Some(0.0), Some(-0.0), None];
        let values: ArrayRef = Arc::new(Float64Array::from(values.to_vec()));
        groups.update_batch(&[values], &[0, 1, 1, 2, 2, 3], None, 4).expect("taken");
        let state = groups.state(EmitTo::All).expect("a state");
        groups.merge_batch(&state, &[0, 1, 2, 3], 4).expect("merged");
        let found = groups.evaluate(EmitTo::All).expect("values");
        let found = found.as_primitive::<Float64Type>();
        found.iter().map(|number| number.map(f64::to_bits)).collect()
    }

    #[test]
    fn groups_are_in_the_order_of_sorts() {
        let bits = |numbers: [f64; 3]| -> Vec<Option<u64>> {
            numbers.map(|number| Some(number.to_bits())).into_iter().chain([None]).collect()
        };
        assert_eq!(of_groups(0), bits([f64::INFINITY, 1.5, -0.0]));
        assert_eq!(of_groups(1), bits([f64::INFINITY, f64::NAN, 0.0]));
    }

    #[test]
    fn turning_twice_changes_nothing_and_once_orders() {
        let ordered = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 5e-324, 1.5, f64::INFINITY, f64::NAN];
        let turned = ordered.map(|number| turned_64(number.to_bits().cast_signed()));
        assert!(turned.is_sorted());
        for (number, turned) in ordered.into_iter().zip(turned) {
            assert_eq!(turned_64(turned).cast_unsigned(), number.to_bits());
        }
    }
}
