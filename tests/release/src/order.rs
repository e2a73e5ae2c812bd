//! The order in which the crates can be published: each after those that it depends on.

use crate::workspace::{Dependency, Package};
use anyhow::{Result, bail};

/// The names of the crates, each after its dependencies; otherwise as given.
pub(crate) fn order(packages: &[Package]) -> Result<Vec<&str>> {
    let mut order: Vec<&str> = Vec::new();
    while order.len() < packages.len() {
        let waits = |dependency: &Dependency| {
            let name = dependency.name.as_str();
            let is_ours = packages.iter().any(|package| package.name == name);
            is_ours && is_published_with(dependency) && !order.contains(&name)
        };
        let next = packages.iter().find(|package| {
            let is_placed = order.contains(&package.name.as_str());
            !is_placed && !package.dependencies.iter().any(waits)
        });
        let Some(next) = next else {
            let rest = packages.iter().map(|package| package.name.as_str());
            let rest: Vec<&str> = rest.filter(|name| !order.contains(name)).collect();
            bail!(
                "crates depend on each other in a circle: {}",
                rest.join(", ")
            );
        };
        order.push(&next.name);
    }
    Ok(order)
}

/// Whether the published manifest has the dependency: cargo drops one that only tests need and that
/// has a path but no version.
fn is_published_with(dependency: &Dependency) -> bool {
    dependency.kind.as_deref() != Some("dev") || dependency.req != "*"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>, &str)]) -> Package {
        let dependencies = dependencies.iter().map(|(name, kind, req)| Dependency {
            name: (*name).to_owned(),
            req: (*req).to_owned(),
            kind: kind.map(str::to_owned),
        });
        Package::with_dependencies(name, dependencies.collect())
    }

    #[test]
    fn a_crate_comes_after_all_that_its_manifest_names() {
        let packages = [
            package("a", &[("c", None, "^1"), ("rand", None, "^1")]),
            package("b", &[("a", Some("dev"), "^1")]),
            package("c", &[("b", Some("dev"), "*")]),
        ];
        assert_eq!(order(&packages).unwrap(), ["c", "a", "b"]);
    }

    #[test]
    fn a_circle_is_an_error_with_its_names() {
        let packages = [
            package("a", &[("b", None, "^1")]),
            package("b", &[("a", Some("dev"), "^1")]),
            package("c", &[]),
        ];
        let error = order(&packages).unwrap_err().to_string();
        assert!(error.ends_with("a, b"), "{error}");
    }
}
