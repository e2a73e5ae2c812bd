//! The licenses and the sources of all dependencies, by the rules of `.cargo/deny.toml`.

use crate::root;
use serde_json::Value;
use spdx::{Expression, LicenseItem, LicenseReq, ParseMode};
use std::collections::BTreeSet;
use std::io::Write;
use std::process::Command;

/// All packages that any feature on any platform depends on. `None` if not all can be had: those of other
/// features and platforms are not on every machine.
fn packages() -> Option<Vec<Value>> {
    let metadata = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO"));
        command.args([
            "metadata",
            "--all-features",
            "--locked",
            "--format-version=1",
        ]);
        let output = command.args(more).current_dir(root()).output().unwrap();
        output.status.success().then_some(output.stdout)
    };
    let text = metadata(&["--offline"]).or_else(|| metadata(&[]))?;
    let metadata: Value = serde_json::from_slice(&text).unwrap();
    Some(metadata["packages"].as_array().unwrap().clone())
}

/// The allowed licenses, of all crates and of single ones.
struct Rules(toml::Table);

impl Rules {
    fn read() -> Self {
        let text = std::fs::read_to_string(root().join(".cargo/deny.toml")).unwrap();
        Self(text.parse().unwrap())
    }

    /// The names of the licenses that a crate may have.
    fn allowed(&self, package: &str) -> BTreeSet<&str> {
        let licenses = &self.0["licenses"];
        let exceptions = licenses["exceptions"].as_array().unwrap();
        let own = exceptions
            .iter()
            .filter(|e| e["crate"].as_str() == Some(package));
        let lists = own
            .map(|exception| &exception["allow"])
            .chain([&licenses["allow"]]);
        let names = lists.flat_map(|list| list.as_array().unwrap());
        names.filter_map(toml::Value::as_str).collect()
    }

    /// Whether a crate may be used under its license, an SPDX expression.
    fn allow(&self, package: &str, license: &str) -> bool {
        let allowed = self.allowed(package);
        let expression = Expression::parse_mode(license, ParseMode::LAX);
        let expression = expression.unwrap_or_else(|e| panic!("{package}: {e}"));
        let is_allowed = |required: &LicenseReq| match &required.license {
            LicenseItem::Spdx { id, .. } => allowed.contains(id.name),
            LicenseItem::Other(other) => allowed.contains(other.to_string().as_str()),
        };
        expression.evaluate(is_allowed)
    }
}

#[test]
fn every_license_is_one_that_is_allowed() {
    let Some(packages) = packages() else {
        let line = "SKIPPED: not all dependencies can be downloaded, so licenses are not checked";
        // The test harness hides what `eprintln!` prints in a test that passes.
        writeln!(std::io::stderr(), "{line}").unwrap();
        return;
    };
    assert!(packages.len() > 200, "only {} packages", packages.len());
    let rules = Rules::read();
    let mut found = Vec::new();
    let mut sources = BTreeSet::new();
    for package in &packages {
        let name = package["name"].as_str().unwrap();
        sources.extend(package["source"].as_str());
        // The one with a file instead of an expression is of this workspace.
        let license = match package["license"].as_str() {
            Some(license) => license.to_owned(),
            None => format!("LicenseRef-{name}"),
        };
        if !rules.allow(name, &license) {
            found.push(format!("{name}: {license}"));
        }
    }
    assert!(found.is_empty(), "not allowed: {}", found.join(", "));
    let registry = sources.len() == 1 && sources.iter().all(|s| s.starts_with("registry+"));
    assert!(registry, "dependencies come from {sources:?}");
}

#[test]
fn an_expression_is_allowed_if_one_of_its_choices_is() {
    let rules = Rules::read();
    for license in [
        "MIT",
        "MIT/Apache-2.0",
        "GPL-3.0-only OR MIT",
        "(MIT OR Zlib) AND ISC",
    ] {
        assert!(rules.allow("some-crate", license), "{license}");
    }
    for license in [
        "GPL-3.0-only",
        "MIT AND GPL-3.0-only",
        "MPL-2.0",
        "LicenseRef-own",
    ] {
        assert!(!rules.allow("some-crate", license), "{license}");
    }
    assert!(rules.allow("colored", "MPL-2.0"));
}
