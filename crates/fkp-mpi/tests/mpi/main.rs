//! Training on several ranks, started with the `mpirun` of the system.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use candle_core::{Device, Tensor};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Cargo builds the examples of this package before it runs its tests.
fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let profile = test.parent().and_then(Path::parent).unwrap();
    let path = profile.join("examples").join(name);
    assert!(path.is_file(), "{} is not built", path.display());
    path
}

fn mpirun(ranks: usize, name: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new("mpirun");
    // More ranks than cores, and tests that run as root, as in a container.
    command.args([
        "--oversubscribe",
        "--bind-to",
        "none",
        "-n",
        &ranks.to_string(),
    ]);
    command.env("OMPI_ALLOW_RUN_AS_ROOT", "1");
    command.env("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1");
    command.env("RAYON_NUM_THREADS", "1");
    command.arg(program(name)).args(arguments);
    command
}

/// Trains in a new folder, and returns the weights.
fn train(ranks: usize) -> BTreeMap<String, Vec<f32>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    succeed(&mut mpirun(ranks, "ranks", &[path, "3"]));
    weights(folder.path())
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {errors}");
    output
}

fn weights(folder: &Path) -> BTreeMap<String, Vec<f32>> {
    let path = folder.join("last.safetensors");
    let tensors = candle_core::safetensors::load(path, &Device::Cpu).unwrap();
    let values = |tensor: Tensor| tensor.flatten_all().unwrap().to_vec1().unwrap();
    let tensors = tensors.into_iter();
    tensors
        .map(|(name, tensor)| (name, values(tensor)))
        .collect()
}

fn largest_difference(a: &BTreeMap<String, Vec<f32>>, b: &BTreeMap<String, Vec<f32>>) -> f32 {
    assert!(a.keys().eq(b.keys()));
    let pairs = a.values().flatten().zip(b.values().flatten());
    pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

#[test]
fn several_ranks_are_one_process_up_to_rounding_and_the_same_each_time() {
    let one = train(1);
    for ranks in [2, 4] {
        let several = train(ranks);
        let difference = largest_difference(&one, &several);
        assert!(difference < 1e-4, "{ranks} ranks: {difference}");
        assert_eq!(several, train(ranks), "two runs of {ranks} ranks");
    }
}

/// A run with more epochs than it will make, and the processes of its ranks.
struct Running {
    mpirun: Child,
    processes: BTreeMap<usize, String>,
}

impl Running {
    fn start(ranks: usize, folder: &Path) -> Self {
        let mut command = mpirun(ranks, "ranks", &[folder.to_str().unwrap(), "1000000"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut mpirun = command.spawn().unwrap();
        let mut lines = BufReader::new(mpirun.stdout.take().unwrap()).lines();
        let processes = (0..ranks).map(|_| {
            // "rank 1 is process 4711"
            let line = lines.next().unwrap().unwrap();
            let words: Vec<&str> = line.split(' ').collect();
            (words[1].parse().unwrap(), words[4].to_owned())
        });
        let processes = processes.collect();
        // Some epochs, so that there is a checkpoint of one of them.
        let started = Instant::now();
        while !folder.join("best.safetensors").exists() {
            assert!(started.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { mpirun, processes }
    }

    fn signal(&self, rank: usize, signal: &str) {
        let process = &self.processes[&rank];
        let status = Command::new("kill").args([signal, process]).status();
        assert!(status.unwrap().success());
    }

    /// Waits for the end of all ranks, which must come within ten seconds. Returns the messages.
    fn messages(self) -> String {
        let started = Instant::now();
        let output = self.mpirun.wait_with_output().unwrap();
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success(), "{messages}");
        while self.processes.values().any(|process| is_running(process)) {
            assert!(started.elapsed() < Duration::from_secs(10));
            std::thread::sleep(Duration::from_millis(50));
        }
        let seconds = started.elapsed().as_secs_f32();
        assert!(seconds < 10.0, "after {seconds} s: {messages}");
        messages
    }
}

/// A process that has ended may stay in the list until its parent looks at it.
fn is_running(process: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"));
    status.is_ok_and(|status| !status.contains("State:\tZ"))
}

/// The run in the folder can be resumed by one, two and three ranks.
fn assert_resumes(folder: &Path) {
    let state = std::fs::read(folder.join("state.safetensors")).unwrap();
    let done = epochs_done(folder);
    for ranks in [1, 2, 3] {
        std::fs::write(folder.join("state.safetensors"), &state).unwrap();
        let path = folder.to_str().unwrap();
        let epochs = (done + 2).to_string();
        succeed(&mut mpirun(ranks, "ranks", &[path, &epochs, "resume"]));
        assert_eq!(epochs_done(folder), done + 2, "{ranks} ranks");
    }
}

fn epochs_done(folder: &Path) -> usize {
    let bytes = std::fs::read(folder.join("state.safetensors")).unwrap();
    let text = String::from_utf8_lossy(&bytes[8..]);
    let (_, rest) = text.split_once("epochs_done\\\":").unwrap();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn a_rank_that_is_killed_ends_all_and_leaves_a_checkpoint() {
    for rank in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let running = Running::start(2, folder.path());
        running.signal(rank, "-KILL");
        let messages = running.messages();
        assert!(messages.contains("signal 9"), "{messages}");
        assert_resumes(folder.path());
    }
}

#[test]
fn a_rank_that_is_stopped_ends_all_and_leaves_a_checkpoint() {
    for (ranks, rank) in [(2, 1), (4, 0)] {
        let folder = tempfile::tempdir().unwrap();
        let running = Running::start(ranks, folder.path());
        running.signal(rank, "-STOP");
        let messages = running.messages();
        let expected = format!("rank {rank} has not answered for 6 s");
        assert!(messages.contains(&expected), "{messages}");
        assert_resumes(folder.path());
    }
}

#[test]
fn an_error_on_one_rank_ends_all_and_leaves_a_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let started = Instant::now();
    let output = mpirun(2, "ranks", &[path, "1000000", "fail"])
        .output()
        .unwrap();
    assert!(started.elapsed() < Duration::from_secs(30));
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(
        messages.contains("error on rank 1: the training set cannot be read"),
        "{messages}"
    );
    assert_resumes(folder.path());
}

#[test]
fn the_bandwidth_program_prints_the_times_of_each_size() {
    let output = succeed(&mut mpirun(2, "bandwidth", &[]));
    let table = String::from_utf8(output.stdout).unwrap();
    let rows: Vec<Vec<f64>> = table
        .lines()
        .skip(1)
        .map(|line| {
            line.split_whitespace()
                .map(|n| n.parse().unwrap())
                .collect()
        })
        .collect();
    let sizes = rows.iter().map(|row| row[0]);
    let expected = [0, 10, 14, 16, 18, 20, 22].map(|power| 4.0 * f64::from(1 << power));
    assert!(sizes.eq(expected), "{table}");
    let times = rows.iter().flat_map(|row| &row[1..]);
    assert!(rows.iter().all(|row| row.len() == 3), "{table}");
    assert!(times.clone().all(|ms| *ms >= 0.0), "{table}");
    // Sixteen megabytes take longer than four bytes.
    let [first, last] = [&rows[0], &rows[rows.len() - 1]];
    assert!(last[1] > first[1] && last[2] > first[2], "{table}");
}
