//! Tests of the schedules: the factors are those of PyTorch.

use super::*;
use crate::golden::golden;

fn parse(text: &str) -> Schedule {
    serde_json::from_str(text).unwrap()
}

fn compare(name: &str, schedule: &Schedule, warmup_steps: usize) {
    let expected = golden("schedules")(name);
    assert_eq!(expected.len(), 40);
    let total_steps = expected.len();
    for (step, expected) in expected.into_iter().enumerate() {
        let at = SchedulePosition {
            step,
            steps_per_epoch: 4,
            total_steps,
        };
        let got = schedule.factor(at, warmup_steps, &PlateauState::default());
        assert!(
            (got - expected).abs() < 1e-9,
            "{name}: step {step} has {got}, PyTorch {expected}"
        );
    }
}

#[test]
fn factors_are_those_of_pytorch() {
    compare("constant_warmup", &Schedule::default(), 7);
    compare("cosine", &Cosine { floor: 0.05 }.into(), 0);
    compare("cosine_warmup", &Cosine { floor: 0.05 }.into(), 7);
    let step = parse(r#"{"kind": "step", "every_epochs": 3}"#);
    compare("step", &step, 0);
    compare("one_cycle", &parse(r#"{"kind": "one_cycle"}"#), 0);
    let cycle = Schedule::from(OneCycle {
        peak_at: 0.45,
        start_divisor: 10.0,
        end_divisor: 100.0,
    });
    compare("one_cycle_other", &cycle, 0);
}

#[test]
fn plateau_factors_are_those_of_pytorch() {
    let golden = golden("schedules");
    let losses = golden("plateau_losses");
    for (name, schedule) in [
        (
            "plateau",
            parse(r#"{"kind": "plateau", "factor": 0.5, "patience": 2}"#),
        ),
        (
            "plateau_floor",
            Schedule::from(Plateau {
                factor: 0.3,
                patience: 0,
                min_delta: 0.05,
                floor: 0.02,
            }),
        ),
    ] {
        let mut state = PlateauState::default();
        let mut changes = 0;
        for (epoch, expected) in golden(name).into_iter().enumerate() {
            let at = SchedulePosition {
                step: epoch,
                steps_per_epoch: 1,
                total_steps: losses.len(),
            };
            let got = schedule.factor(at, 0, &state);
            assert!((got - expected).abs() < 1e-12, "{name} {epoch}: {got}");
            changes += usize::from(got < 1.0);
            schedule.observe(&mut state, losses[epoch]);
            // A checkpoint holds the whole state.
            let text = serde_json::to_string(&state).unwrap();
            state = serde_json::from_str(&text).unwrap();
        }
        assert!(changes > 5, "{name} never reduced the rate");
    }
    let mut state = PlateauState::default();
    Schedule::default().observe(&mut state, 1.0);
    assert_eq!(state, PlateauState::default());
}

#[test]
fn factors_of_short_and_overlong_runs_are_finite() {
    let schedules = [
        Schedule::default(),
        Cosine { floor: 0.0 }.into(),
        parse(r#"{"kind": "step", "every_epochs": 1}"#),
        parse(r#"{"kind": "plateau"}"#),
        parse(r#"{"kind": "one_cycle"}"#),
    ];
    for schedule in schedules {
        schedule.validate().unwrap();
        for total_steps in [0, 1, 2, 3] {
            for step in 0..6 {
                for warmup in [0, 1, 5] {
                    let at = SchedulePosition {
                        step,
                        steps_per_epoch: 1,
                        total_steps,
                    };
                    let factor = schedule.factor(at, warmup, &PlateauState::default());
                    assert!(
                        (0.0..=1.0).contains(&factor),
                        "{schedule:?} {at:?} {factor}"
                    );
                }
            }
        }
    }
}

#[test]
fn invalid_parameters_are_refused_by_name() {
    for (text, field) in [
        (r#"{"kind": "cosine", "floor": 1.5}"#, "floor"),
        (r#"{"kind": "step", "every_epochs": 0}"#, "every_epochs"),
        (
            r#"{"kind": "step", "every_epochs": 1, "factor": 0.0}"#,
            "factor",
        ),
        (r#"{"kind": "plateau", "factor": 1.0}"#, "factor"),
        (r#"{"kind": "plateau", "min_delta": -1.0}"#, "min_delta"),
        (r#"{"kind": "plateau", "floor": 2.0}"#, "floor"),
        (r#"{"kind": "one_cycle", "peak_at": 0.0}"#, "peak_at"),
        (
            r#"{"kind": "one_cycle", "start_divisor": 0.5}"#,
            "start_divisor",
        ),
        (
            r#"{"kind": "one_cycle", "end_divisor": 0.0}"#,
            "end_divisor",
        ),
    ] {
        let error = parse(text).validate().unwrap_err().to_string();
        let expected = format!("train.schedule.{field}: must be");
        assert!(error.starts_with(&expected), "{text}: {error}");
    }
    assert!(
        Schedule::from(Cosine { floor: f64::NAN })
            .validate()
            .is_err()
    );
    let unknown = serde_json::from_str::<Schedule>(r#"{"kind": "constant", "floor": 0}"#);
    assert!(unknown.unwrap_err().to_string().contains("floor"));
}
