//! How much memory this process may use: the machine's, or less where a control group says so.
//!
//! Sources: Linux kernel documentation, `admin-guide/cgroup-v2` (`memory.max`),
//! `admin-guide/cgroup-v1/memory` (`memory.limit_in_bytes`), `proc(5)` (`/proc/meminfo`),
//! `cgroups(7)` (`/proc/PID/cgroup`).

use std::fs::read_to_string;
use std::path::Path;

/// `None` where the system does not say.
pub(crate) fn machine_memory_bytes() -> Option<u64> {
    memory_below(Path::new("/"))
}

/// With the root of the file system as an argument, for tests.
fn memory_below(root: &Path) -> Option<u64> {
    let total = read_to_string(root.join("proc/meminfo")).ok().and_then(|text| meminfo(&text));
    let groups = read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let limits = groups.lines().filter_map(|line| group_limit(root, line));
    total.into_iter().chain(limits).min()
}

/// The line `MemTotal:  32768 kB`; the unit is always 1024 bytes.
fn meminfo(text: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

/// The limit of the group in a line `ID:CONTROLLERS:PATH` of `/proc/self/cgroup`. Version 2 has
/// no controllers there.
fn group_limit(root: &Path, line: &str) -> Option<u64> {
    let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
    if controllers.is_empty() {
        return tightest(&root.join("sys/fs/cgroup"), path, "memory.max");
    }
    if controllers.split(',').any(|controller| controller == "memory") {
        return tightest(&root.join("sys/fs/cgroup/memory"), path, "memory.limit_in_bytes");
    }
    None
}

/// The limit of a group is the tightest on the way up. Inside a container the path may be the
/// host's, of which only the mount point itself is visible: what is not there is no limit.
fn tightest(mount_point: &Path, path: &str, file: &str) -> Option<u64> {
    let folder = mount_point.join(path.trim_start_matches('/'));
    folder
        .ancestors()
        .take_while(|ancestor| ancestor.starts_with(mount_point))
        // `max` is no number: no limit.
        .filter_map(|ancestor| read_to_string(ancestor.join(file)).ok()?.trim().parse().ok())
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const MIB: u64 = 1 << 20;

    fn root(files: &[(&str, &str)]) -> TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (path, content) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            std::fs::write(path, content).expect("a file");
        }
        root
    }

    const MEMINFO: (&str, &str) =
        ("proc/meminfo", "MemTotal:        4194304 kB\nMemFree:          123 kB\n");

    #[test]
    fn the_machine_without_a_group() {
        assert_eq!(memory_below(root(&[MEMINFO]).path()), Some(4096 * MIB));
        assert_eq!(memory_below(root(&[]).path()), None);
    }

    #[test]
    fn version_2_takes_the_tightest_on_the_way_up() {
        let root = root(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/pod/container\n"),
            ("sys/fs/cgroup/pod/memory.max", "1073741824\n"),
            ("sys/fs/cgroup/pod/container/memory.max", "max\n"),
        ]);
        assert_eq!(memory_below(root.path()), Some(1024 * MIB));
    }

    #[test]
    fn version_2_in_its_own_namespace() {
        let root = root(&[
            MEMINFO,
            ("proc/self/cgroup", "0::/\n"),
            ("sys/fs/cgroup/memory.max", "536870912\n"),
        ]);
        assert_eq!(memory_below(root.path()), Some(512 * MIB));
    }

    #[test]
    fn version_1_with_the_path_of_the_host() {
        let root = root(&[
            MEMINFO,
            ("proc/self/cgroup", "3:cpu,cpuacct:/docker/x\n2:memory:/docker/x\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n"),
        ]);
        assert_eq!(memory_below(root.path()), Some(256 * MIB));
    }

    #[test]
    fn version_1_without_a_limit_is_the_machine() {
        let root = root(&[
            MEMINFO,
            ("proc/self/cgroup", "2:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        assert_eq!(memory_below(root.path()), Some(4096 * MIB));
    }
}
