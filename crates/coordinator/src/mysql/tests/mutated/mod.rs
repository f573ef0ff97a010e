//! Mutated packets: every decoder by itself, and the door over real connections. How many is said by
//! `MOORING_MUTATED_PACKETS` and `MOORING_MUTATED_STREAMS`; few by default.

mod corpus;
mod memory;
mod mutator;
mod streams;

use corpus::{Seed, corpus};
use memory::resident_bytes;
use mutator::Mutator;
use proptest::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The name of the test whose process has nothing else to do, so that its memory can be judged.
const NAME: &str = "mysql::tests::mutated::mutated_packets_do_no_harm";
const IS_CHILD: &str = "MOORING_MUTATED_CHILD";
const PACKETS: &str = "MOORING_MUTATED_PACKETS";
const PACKETS_DEFAULT: u64 = 200_000;
/// Until here caches, arenas and the authentication's key may grow.
const WARM_UP: u64 = 50_000;
const GROWTH_MAX_BYTES: u64 = 64 << 20;
/// A packet that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn number(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn mutated_packets_do_no_harm() {
    if std::env::var_os(IS_CHILD).is_some() {
        return feed(number(PACKETS, PACKETS_DEFAULT));
    }
    let program = std::env::current_exe().expect("this program");
    let arguments = ["--exact", NAME, "--nocapture", "--test-threads=1"];
    let child = Command::new(program).args(arguments).env(IS_CHILD, "1").output();
    let child = child.expect("the child's output");
    let told = String::from_utf8_lossy(&child.stdout);
    println!("{told}");
    assert!(child.status.success(), "{told}\n{}", String::from_utf8_lossy(&child.stderr));
    assert!(told.contains("mutated packets:"), "the child ran nothing: {told}");
}

fn feed(packets: u64) {
    let seeds = corpus();
    // Which packet is worked on; the same for too long is a hang.
    let current = Arc::new(AtomicU64::new(0));
    let (alive, watched) = mpsc::channel::<()>();
    let seen = current.clone();
    std::thread::spawn(move || {
        let mut last = u64::MAX;
        while let Err(RecvTimeoutError::Timeout) = watched.recv_timeout(PATIENCE) {
            let now = seen.load(Ordering::Relaxed);
            if now == last {
                println!("packet {now} hangs");
                std::process::abort();
            }
            last = now;
        }
    });
    let started = Instant::now();
    let mut warm_bytes = None;
    let mut most_bytes = 0;
    let mut slowest: Vec<(Duration, u64)> = vec![Default::default(); seeds.len()];
    for index in 0..packets {
        current.store(index, Ordering::Relaxed);
        let mut mutator = Mutator::new(index);
        let at = pick(&seeds, &mut mutator);
        let bytes = mutator.mutated(&seeds[at].bytes);
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| (seeds[at].decode)(&bytes)));
        let taken = begun.elapsed();
        assert!(outcome.is_ok(), "packet {index} makes {} panic: {bytes:?}", seeds[at].name);
        slowest[at] = slowest[at].max((taken, index));
        if index >= WARM_UP && index % 1000 == 0 {
            let now = resident_bytes();
            let warm = *warm_bytes.get_or_insert(now);
            most_bytes = most_bytes.max(now);
            assert!(now <= warm + GROWTH_MAX_BYTES, "{now} bytes at packet {index}, was {warm}");
        }
    }
    drop(alive);
    let warm_bytes = warm_bytes.unwrap_or_default();
    println!("mutated packets: {packets} in {:.1?}", started.elapsed());
    println!("resident: {} KiB after warm-up, {} KiB at most", warm_bytes >> 10, most_bytes >> 10);
    for (seed, (taken, index)) in seeds.iter().zip(slowest) {
        println!("slowest {:28} {taken:>12.1?} (packet {index})", seed.name);
    }
}

/// A seed; those that cost milliseconds come seldom.
fn pick(seeds: &[Seed], mutator: &mut Mutator) -> usize {
    loop {
        let at = mutator.below(seeds.len());
        if mutator.below(seeds[at].seldom) == 0 {
            return at;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_decoder_takes_any_bytes(bytes: Vec<u8>, which: prop::sample::Index) {
        let seeds = corpus();
        let seed = &seeds[which.index(seeds.len())];
        (seed.decode)(&bytes);
    }

    #[test]
    fn every_decoder_takes_mutated_and_truncated_packets(
        which: prop::sample::Index,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end: prop::sample::Index,
    ) {
        let seeds = corpus();
        let seed = &seeds[which.index(seeds.len())];
        let mut bytes = seed.bytes.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(end.index(bytes.len() + 1));
        (seed.decode)(&bytes);
    }
}
