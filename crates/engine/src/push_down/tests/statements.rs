//! Random statements over the tables of the test's source. The answer of each is told by the statement: a limit
//! stands over an order of all columns, or its rows are only counted.

use super::source::TABLES;
use datafusion::arrow::datatypes::DataType;

/// `splitmix64` (Steele, Lea and Flood, "Fast splittable pseudorandom number generators").
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound.max(1) as u64) as usize
    }

    fn chance(&mut self, of: usize) -> bool {
        self.below(of) == 0
    }

    fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Int,
    Decimal,
    Text,
    Date,
    Double,
    /// Ranks, which are only looked at.
    Rank,
}

#[derive(Debug, Clone)]
struct Column {
    name: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
struct Query {
    sql: String,
    columns: Vec<Column>,
}

pub struct Generator {
    pub random: Random,
    names: usize,
}

pub fn statement(seed: u64) -> String {
    let mut generator = Generator { random: Random(seed), names: 0 };
    let depth = *generator.random.pick(&[1, 1, 2, 2, 2, 3, 3, 4]);
    generator.query(depth).sql
}

impl Generator {
    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    fn query(&mut self, depth: usize) -> Query {
        if depth == 0 {
            return self.table();
        }
        match self.random.below(14) {
            0 | 1 => self.filtered(depth),
            2 => self.projected(depth),
            3 | 4 => self.grouped(depth),
            5 => self.distinct(depth),
            6 | 7 => self.joined(depth),
            8 => self.with_pairs(depth),
            9 => self.together(depth),
            10 => self.first(depth),
            11 => self.counted(depth),
            12 => self.windowed(depth),
            _ => self.above_one_value(depth),
        }
    }

    fn two(&mut self, depth: usize) -> (Query, Query) {
        let second = self.random.below(depth);
        (self.query(depth - 1), self.query(second))
    }

    fn table(&mut self) -> Query {
        let (table, _, all) = self.random.pick(TABLES);
        let from = if *table == "w" && self.random.chance(2) { "far.s.w" } else { table };
        let alias = self.name("t");
        let mut columns = Vec::new();
        let mut items = Vec::new();
        for (name, data_type, _) in all.iter() {
            if columns.len() > 1 && self.random.chance(3) {
                continue;
            }
            let kind = match data_type {
                DataType::Int64 | DataType::Int32 => Kind::Int,
                DataType::Decimal128(..) => Kind::Decimal,
                DataType::Utf8 => Kind::Text,
                DataType::Date32 => Kind::Date,
                _ => Kind::Double,
            };
            let column = Column { name: self.name("c"), kind };
            items.push(format!("{alias}.{name} AS {}", column.name));
            columns.push(column);
        }
        Query { sql: format!("SELECT {} FROM {from} {alias}", items.join(", ")), columns }
    }

    /// The query as a relation of a FROM, and its columns by its alias.
    fn relation(&mut self, query: &Query) -> (String, Vec<Column>) {
        let alias = self.name("q");
        let named = |column: &Column| Column {
            name: format!("{alias}.{}", column.name),
            kind: column.kind,
        };
        let columns = query.columns.iter().map(named).collect();
        (format!("({}) {alias}", query.sql), columns)
    }

    /// `SELECT` of all columns, under new names.
    fn select(&mut self, columns: &[Column]) -> (String, Vec<Column>) {
        let mut items = Vec::new();
        let mut named = Vec::new();
        for column in columns {
            let new = Column { name: self.name("c"), kind: column.kind };
            items.push(format!("{} AS {}", column.name, new.name));
            named.push(new);
        }
        (format!("SELECT {}", items.join(", ")), named)
    }

    fn filtered(&mut self, depth: usize) -> Query {
        let input = self.query(depth - 1);
        let (from, inner) = self.relation(&input);
        let (select, columns) = self.select(&inner);
        let condition = self.condition(&inner, 2);
        Query { sql: format!("{select} FROM {from} WHERE {condition}"), columns }
    }

    fn projected(&mut self, depth: usize) -> Query {
        let input = self.query(depth - 1);
        let (from, inner) = self.relation(&input);
        let mut items = Vec::new();
        let mut columns = Vec::new();
        for _ in 0..=self.random.below(4) {
            let (sql, kind) = self.value(&inner);
            let column = Column { name: self.name("c"), kind };
            items.push(format!("{sql} AS {}", column.name));
            columns.push(column);
        }
        Query { sql: format!("SELECT {} FROM {from}", items.join(", ")), columns }
    }

    fn grouped(&mut self, depth: usize) -> Query {
        let input = self.query(depth - 1);
        let (from, inner) = self.relation(&input);
        let mut groups: Vec<Column> =
            inner.iter().filter(|_| self.random.chance(3)).cloned().collect();
        groups.truncate(2);
        let (mut items, mut columns) = (Vec::new(), Vec::new());
        for group in &groups {
            let column = Column { name: self.name("c"), kind: group.kind };
            items.push(format!("{} AS {}", group.name, column.name));
            columns.push(column);
        }
        for _ in 0..=self.random.below(3) {
            let (sql, kind) = self.aggregate(&inner);
            let column = Column { name: self.name("c"), kind };
            items.push(format!("{sql} AS {}", column.name));
            columns.push(column);
        }
        let mut sql = format!("SELECT {} FROM {from}", items.join(", "));
        if self.random.chance(2) {
            sql.push_str(&format!(" WHERE {}", self.condition(&inner, 1)));
        }
        if !groups.is_empty() {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            sql.push_str(&format!(" GROUP BY {}", names.join(", ")));
            if self.random.chance(3) {
                sql.push_str(&format!(" HAVING count(*) > {}", self.random.below(3)));
            }
        }
        Query { sql, columns }
    }

    fn aggregate(&mut self, columns: &[Column]) -> (String, Kind) {
        let column = self.random.pick(columns).clone();
        let name = &column.name;
        match (self.random.below(6), column.kind) {
            (0, _) => ("count(*)".to_owned(), Kind::Int),
            (1, _) => (format!("count({name})"), Kind::Int),
            (2, _) => (format!("count(DISTINCT {name})"), Kind::Int),
            (3, Kind::Int | Kind::Decimal) => (format!("sum({name})"), Kind::Decimal),
            // Quotients have another type than what they are of; they are only looked at.
            (4, Kind::Int | Kind::Decimal) => (format!("avg({name})"), Kind::Rank),
            (3, kind) => (format!("min({name})"), kind),
            (_, kind) => (format!("max({name})"), kind),
        }
    }

    fn distinct(&mut self, depth: usize) -> Query {
        let input = self.query(depth - 1);
        let (from, inner) = self.relation(&input);
        let (select, columns) = self.select(&inner);
        let sql = format!("SELECT DISTINCT {} FROM {from}", &select["SELECT ".len()..]);
        Query { sql, columns }
    }

    fn joined(&mut self, depth: usize) -> Query {
        let (left, right) = self.two(depth);
        let (left_from, left_columns) = self.relation(&left);
        let (right_from, right_columns) = self.relation(&right);
        let kind = *self.random.pick(&["JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"]);
        let Some(equal) = self.equal(&left_columns, &right_columns) else { return left };
        let both: Vec<Column> = left_columns.iter().chain(&right_columns).cloned().collect();
        let mut condition = equal;
        if self.random.chance(3) {
            condition.push_str(&format!(" AND {}", self.condition(&both, 1)));
        }
        let (select, columns) = self.select(&both);
        Query {
            sql: format!("{select} FROM {left_from} {kind} {right_from} ON {condition}"),
            columns,
        }
    }

    /// A pair of columns of one kind.
    fn equal(&mut self, left: &[Column], right: &[Column]) -> Option<String> {
        let pairs: Vec<(&Column, &Column)> = left
            .iter()
            .flat_map(|left| right.iter().map(move |right| (left, right)))
            .filter(|(left, right)| left.kind == right.kind && left.kind != Kind::Rank)
            .collect();
        match pairs.is_empty() {
            true => None,
            false => {
                let (left, right) = self.random.pick(&pairs);
                Some(format!("{} = {}", left.name, right.name))
            }
        }
    }

    fn with_pairs(&mut self, depth: usize) -> Query {
        let (left, right) = self.two(depth);
        let (left_from, left_columns) = self.relation(&left);
        let (right_from, right_columns) = self.relation(&right);
        let not = if self.random.chance(2) { "NOT " } else { "" };
        let Some(equal) = self.equal(&left_columns, &right_columns) else { return left };
        let (select, columns) = self.select(&left_columns);
        let condition = match self.random.chance(3) {
            true => {
                let (left, right) = equal.split_once(" = ").expect("two columns");
                format!("{left} {not}IN (SELECT {right} FROM {right_from})")
            }
            false => format!("{not}EXISTS (SELECT 1 FROM {right_from} WHERE {equal})"),
        };
        Query { sql: format!("{select} FROM {left_from} WHERE {condition}"), columns }
    }

    fn together(&mut self, depth: usize) -> Query {
        let (first, second) = (self.query(depth - 1), self.query(depth - 1));
        let (from, inner) = self.relation(&second);
        let mut items = Vec::new();
        for wanted in &first.columns {
            let of_kind: Vec<&Column> =
                inner.iter().filter(|column| column.kind == wanted.kind).collect();
            if of_kind.is_empty() || wanted.kind == Kind::Rank {
                return first;
            }
            items.push(self.random.pick(&of_kind).name.clone());
        }
        // A name may stand in the list twice.
        let named = items.iter().map(|item| format!("{item} AS {}", self.name("c")));
        let items: Vec<String> = named.collect();
        let (first_from, first_columns) = self.relation(&first);
        let (select, columns) = self.select(&first_columns);
        let sql =
            format!("{select} FROM {first_from} UNION ALL SELECT {} FROM {from}", items.join(", "));
        Query { sql, columns }
    }

    fn limit(&mut self) -> String {
        let limit = self.random.below(12);
        match self.random.chance(3) {
            true => format!("LIMIT {limit} OFFSET {}", self.random.below(6)),
            false => format!("LIMIT {limit}"),
        }
    }

    fn first(&mut self, depth: usize) -> Query {
        let input = self.query(depth - 1);
        let (from, inner) = self.relation(&input);
        let (select, columns) = self.select(&inner);
        let mut keys: Vec<String> = inner
            .iter()
            .map(|column| match self.random.chance(2) {
                true => column.name.clone(),
                false => format!("{} DESC", column.name),
            })
            .collect();
        let rotated = self.random.below(keys.len());
        keys.rotate_left(rotated);
        let limit = self.limit();
        Query { sql: format!("{select} FROM {from} ORDER BY {} {limit}", keys.join(", ")), columns }
    }

    /// How many rows a limit leaves does not depend on which.
    fn counted(&mut self, depth: usize) -> Query {
        let input = self.query(depth - 1);
        let (from, inner) = self.relation(&input);
        let (select, _) = self.select(&inner);
        let limit = self.limit();
        let column = Column { name: self.name("c"), kind: Kind::Int };
        let alias = self.name("q");
        let sql = format!(
            "SELECT count(*) AS {} FROM ({select} FROM {from} {limit}) {alias}",
            column.name
        );
        Query { sql, columns: vec![column] }
    }

    fn windowed(&mut self, depth: usize) -> Query {
        let input = self.query(depth - 1);
        let (from, inner) = self.relation(&input);
        let (partition, key) = (self.random.pick(&inner).clone(), self.random.pick(&inner).clone());
        let value = self.random.pick(&inner).clone();
        let (call, kind) = match (self.random.below(4), value.kind) {
            (0, _) => (
                format!("rank() OVER (PARTITION BY {} ORDER BY {})", partition.name, key.name),
                Kind::Rank,
            ),
            (1, _) => (format!("dense_rank() OVER (ORDER BY {} DESC)", key.name), Kind::Rank),
            (2, Kind::Int | Kind::Decimal) => (
                format!("sum({}) OVER (PARTITION BY {})", value.name, partition.name),
                Kind::Decimal,
            ),
            (_, _) => (
                format!("count(*) OVER (PARTITION BY {} ORDER BY {})", partition.name, key.name),
                Kind::Int,
            ),
        };
        let (select, mut columns) = self.select(&inner);
        let column = Column { name: self.name("c"), kind };
        let sql = format!("{select}, {call} AS {} FROM {from}", column.name);
        columns.push(column);
        Query { sql, columns }
    }

    fn above_one_value(&mut self, depth: usize) -> Query {
        let (left, right) = self.two(depth);
        let (left_from, left_columns) = self.relation(&left);
        let (right_from, right_columns) = self.relation(&right);
        let Some(equal) = self.equal(&left_columns, &right_columns) else { return left };
        let (left, right) = equal.split_once(" = ").expect("two columns");
        let (select, mut columns) = self.select(&left_columns);
        let aggregate = *self.random.pick(&["min", "max"]);
        let of_left = left_columns.iter().find(|column| column.name == left);
        if let (Some(of_left), true) = (of_left, self.random.chance(3)) {
            let column = Column { name: self.name("c"), kind: of_left.kind };
            let value = format!("(SELECT {aggregate}({right}) FROM {right_from})");
            let sql = format!("{select}, {value} AS {} FROM {left_from}", column.name);
            columns.push(column);
            return Query { sql, columns };
        }
        let operator = *self.random.pick(&["<", "<=", ">", ">=", "<>"]);
        let sql = format!(
            "{select} FROM {left_from} WHERE {left} {operator} (SELECT {aggregate}({right}) FROM {right_from})"
        );
        Query { sql, columns }
    }

    fn condition(&mut self, columns: &[Column], depth: usize) -> String {
        if depth > 0 && self.random.chance(3) {
            let (left, right) =
                (self.condition(columns, depth - 1), self.condition(columns, depth - 1));
            return match self.random.below(3) {
                0 => format!("({left} AND {right})"),
                1 => format!("({left} OR {right})"),
                _ => format!("NOT ({left})"),
            };
        }
        let column = self.random.pick(columns).clone();
        let name = &column.name;
        let other = columns.iter().find(|other| {
            other.kind == column.kind && other.name != *name && column.kind != Kind::Rank
        });
        let operator = *self.random.pick(&["=", "<>", "<", "<=", ">", ">=", "<=>"]);
        match (self.random.below(7), column.kind, other) {
            (0, ..) => format!("{name} IS NULL"),
            (1, ..) | (_, Kind::Rank, _) => format!("{name} IS NOT NULL"),
            (2, _, Some(other)) => format!("{name} {operator} {}", other.name),
            (3, kind, _) => {
                let values = [self.literal(kind), self.literal(kind), self.literal(kind)];
                let not = if self.random.chance(2) { "NOT " } else { "" };
                format!("{name} {not}IN ({})", values.join(", "))
            }
            (4, kind, _) => {
                let (low, high) = (self.literal(kind), self.literal(kind));
                format!("{name} BETWEEN {low} AND {high}")
            }
            (5, Kind::Text, _) => {
                let pattern = *self.random.pick(&["%", "x%", "_", "%\\_b", "%ß%", "a\\%b", ""]);
                let not = if self.random.chance(2) { "NOT " } else { "" };
                format!("{name} {not}LIKE '{}'", pattern.replace('\\', "\\\\"))
            }
            (_, kind, _) => {
                let (value, found) = self.value(columns);
                let literal = self.literal(if found == Kind::Rank { kind } else { found });
                match found {
                    Kind::Rank => format!("{name} {operator} {literal}"),
                    _ => format!("{value} {operator} {literal}"),
                }
            }
        }
    }

    fn literal(&mut self, kind: Kind) -> String {
        match kind {
            Kind::Int | Kind::Rank => (self.random.below(12) as i64 - 3).to_string(),
            Kind::Decimal => format!("{}.{}", self.random.below(6), self.random.below(99)),
            Kind::Text => {
                let text = *self.random.pick(&["", "x", "X", "y", "x ", "größe", "a%b"]);
                format!("'{text}'")
            }
            Kind::Date => {
                format!("DATE '19{}-0{}-01'", 61 + self.random.below(39), 1 + self.random.below(9))
            }
            Kind::Double => format!("{}.5e0", self.random.below(5)),
        }
    }

    fn value(&mut self, columns: &[Column]) -> (String, Kind) {
        let column = self.random.pick(columns).clone();
        let name = &column.name;
        let sql = match (self.random.below(6), column.kind) {
            (_, Kind::Rank) | (0, _) => name.clone(),
            (1, Kind::Int) => format!("{name} + {}", self.random.below(5)),
            (2, Kind::Int) => format!("abs({name}) * 2 - 1"),
            (3, Kind::Int) => format!(
                "CASE WHEN {name} > 2 THEN {name} WHEN {name} IS NULL THEN 7 ELSE 0 - {name} END"
            ),
            (1, Kind::Decimal) => format!("{name} + 1.25"),
            (2, Kind::Decimal) => format!("-{name}"),
            (1, Kind::Text) => format!("strict_concat({name}, 'z')"),
            (2, Kind::Text) => {
                let calls = ["substring_by_position(?, 2, 2)", "substr(?, 2)", "substr(?, 1, 3)"];
                self.random.pick(&calls).replace('?', name)
            }
            (3, Kind::Text) => format!("upper({name})"),
            (4, Kind::Text) => format!("CASE {name} WHEN 'x' THEN 'one' WHEN 'y' THEN {name} END"),
            (1, Kind::Double) => format!("{name} * 2e0"),
            (1 | 2, Kind::Date) => {
                let part = *self.random.pick(&["YEAR", "MONTH", "DAY"]);
                return (format!("CAST(date_part('{part}', {name}) AS BIGINT)"), Kind::Int);
            }
            (5, Kind::Text) => {
                return (format!("CAST(character_length({name}) AS BIGINT)"), Kind::Int);
            }
            (_, kind) => format!("coalesce({name}, {})", self.literal(kind)),
        };
        (sql, column.kind)
    }
}
