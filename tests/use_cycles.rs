//! Finds circles of `use` between the source files of a crate.
//!
//! File A uses file B where A names, in a `use` item or a path, an item that B defines. Re-exports
//! are followed to the file that defines the item, so `pub use` and `mod` items alone are no use.
//! Test code does not count.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::visit::Visit;

/// A module path within the crate, empty for `lib.rs`.
type Module = Vec<String>;

/// What one file defines, exports and names.
#[derive(Default)]
struct File {
    defined: BTreeSet<String>,
    /// Names that the file re-exports, and the absolute paths behind them.
    exported: BTreeMap<String, Vec<String>>,
    /// Absolute paths that its code names.
    named: BTreeSet<Vec<String>>,
    /// Single words of its code, which may name its own re-exports.
    words: BTreeSet<String>,
}

/// The circles of the crate with its sources in `src`, each as lines `file -> file (path)`.
pub(crate) fn find(src: &Path) -> Vec<Vec<String>> {
    let mut files = BTreeMap::new();
    for path in crate::rust_files(src) {
        let module = module_of(src, &path);
        if module
            .last()
            .is_some_and(|name| name == "tests" || name == "testing")
        {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let parsed = syn::parse_file(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        files.insert(module, parsed);
    }
    let modules: BTreeSet<Module> = files.keys().cloned().collect();
    let files: BTreeMap<Module, File> = files
        .into_iter()
        .map(|(module, parsed)| {
            let mut reader = Reader::new(&module, &modules);
            reader.visit_file(&parsed);
            let file = reader.file;
            (module, file)
        })
        .collect();
    circles(&arrows(&files))
}

fn module_of(src: &Path, path: &Path) -> Module {
    let relative: PathBuf = path.strip_prefix(src).unwrap().with_extension("");
    let mut module: Module = relative
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    module.pop_if(|last| last == "mod" || last == "lib");
    module
}

/// Collects what a file defines, exports and names.
struct Reader<'a> {
    module: &'a Module,
    modules: &'a BTreeSet<Module>,
    /// How many inline modules surround the code that is read.
    depth: usize,
    file: File,
}

impl<'a> Reader<'a> {
    fn new(module: &'a Module, modules: &'a BTreeSet<Module>) -> Self {
        let file = File::default();
        Self {
            module,
            modules,
            depth: 0,
            file,
        }
    }

    /// A path of this crate from its root; `None` for other crates' and local names.
    fn absolute(&self, path: &[String]) -> Option<Vec<String>> {
        let own = self.module.as_slice();
        let supers = path.iter().take_while(|part| *part == "super").count();
        match path.first()?.as_str() {
            "crate" => Some(path[1..].to_vec()),
            "self" => Some([own, &path[1..]].concat()),
            "super" => {
                let up = supers.saturating_sub(self.depth);
                let base = own.len().checked_sub(up)?;
                Some([&own[..base], &path[supers..]].concat())
            }
            first => {
                let child = [own, &[first.to_owned()]].concat();
                let is_known = self.modules.contains(&child);
                is_known.then(|| [own, path].concat())
            }
        }
    }

    fn name(&mut self, path: &[String]) {
        match path {
            [name] => {
                self.file.words.insert(name.clone());
            }
            path => self.file.named.extend(self.absolute(path)),
        }
    }

    fn use_tree(&mut self, tree: &syn::UseTree, before: &[String], public: bool) {
        let with = |name: &syn::Ident| [before, &[name.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.use_tree(&path.tree, &with(&path.ident), public),
            syn::UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(tree, before, public);
                }
            }
            syn::UseTree::Name(name) => self.imported(&with(&name.ident), &name.ident, public),
            syn::UseTree::Rename(rename) => {
                self.imported(&with(&rename.ident), &rename.rename, public);
            }
            syn::UseTree::Glob(_) => self.file.named.extend(self.absolute(before)),
        }
    }

    fn imported(&mut self, path: &[String], name: &syn::Ident, public: bool) {
        let path = match path {
            [before @ .., last] if last == "self" => before,
            path => path,
        };
        match (public, self.absolute(path)) {
            (true, Some(path)) => {
                self.file.exported.insert(name.to_string(), path);
            }
            _ => self.file.named.extend(self.absolute(path)),
        }
    }

    /// Paths in the arguments of a macro, which are not parsed.
    fn tokens(&mut self, tokens: proc_macro2::TokenStream) {
        use proc_macro2::TokenTree;
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.name(&std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                other => {
                    self.name(&std::mem::take(&mut path));
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.name(&path);
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        use syn::Item;
        if is_test(attributes(item)) {
            return;
        }
        let defined = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            _ => None,
        };
        self.file.defined.extend(defined.map(ToString::to_string));
        match item {
            Item::Use(item) => {
                let public = !matches!(item.vis, syn::Visibility::Inherited);
                self.use_tree(&item.tree, &[], public);
            }
            Item::Mod(item) => {
                self.depth += 1;
                syn::visit::visit_item_mod(self, item);
                self.depth -= 1;
            }
            item => syn::visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let parts: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.name(&parts);
        syn::visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }
}

fn attributes(item: &syn::Item) -> &[syn::Attribute] {
    match item {
        syn::Item::Fn(item) => &item.attrs,
        syn::Item::Impl(item) => &item.attrs,
        syn::Item::Mod(item) => &item.attrs,
        syn::Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => {
            list.path.is_ident("cfg") && list.tokens.to_string().split(' ').any(|t| t == "test")
        }
        _ => false,
    })
}

/// For each file the files that it uses, and a path that shows it.
fn arrows(files: &BTreeMap<Module, File>) -> BTreeMap<Module, BTreeMap<Module, String>> {
    let mut arrows: BTreeMap<Module, BTreeMap<Module, String>> = BTreeMap::new();
    for (module, file) in files {
        let found = arrows.entry(module.clone()).or_default();
        let words = file.words.iter();
        let own_exports = words.filter_map(|word| file.exported.get(word));
        for path in file.named.iter().chain(own_exports) {
            if let Some(used) = defining(files, path, 0).filter(|used| used != module) {
                found.entry(used).or_insert_with(|| path.join("::"));
            }
        }
    }
    arrows
}

/// The file that defines the item at the end of a path.
fn defining(files: &BTreeMap<Module, File>, path: &[String], depth: usize) -> Option<Module> {
    // Re-exports of re-exports end somewhere in code that compiles.
    assert!(depth < 20, "{} leads back to itself", path.join("::"));
    let length = (0..=path.len())
        .rev()
        .find(|n| files.contains_key(&path[..*n]))?;
    let (module, rest) = path.split_at(length);
    let Some(item) = rest.first() else {
        return Some(module.to_vec());
    };
    let file = &files[module];
    if file.defined.contains(item) {
        return Some(module.to_vec());
    }
    let behind = file.exported.get(item)?;
    defining(files, &[behind, &rest[1..]].concat(), depth + 1)
}

/// Each set of files that use each other, over however many others.
fn circles(arrows: &BTreeMap<Module, BTreeMap<Module, String>>) -> Vec<Vec<String>> {
    let reached: BTreeMap<&Module, BTreeSet<&Module>> = arrows
        .keys()
        .map(|start| {
            let (mut seen, mut next) = (BTreeSet::new(), vec![start]);
            while let Some(module) = next.pop() {
                next.extend(arrows[module].keys().filter(|used| seen.insert(*used)));
            }
            (start, seen)
        })
        .collect();
    let name = |module: &Module| match module.as_slice() {
        [] => "lib".to_owned(),
        parts => parts.join("/"),
    };
    let mut done = BTreeSet::new();
    let mut circles = Vec::new();
    for module in arrows.keys() {
        let with =
            |other: &&Module| reached[module].contains(*other) && reached[*other].contains(module);
        let circle: Vec<&Module> = arrows.keys().filter(with).collect();
        if circle.is_empty() || !circle.iter().all(|module| done.insert(*module)) {
            continue;
        }
        let lines = circle.iter().flat_map(|from| {
            let inside = arrows[*from].iter().filter(|(to, _)| circle.contains(to));
            inside.map(|(to, path)| format!("{} -> {} ({path})", name(from), name(to)))
        });
        circles.push(lines.collect());
    }
    circles
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles_of(files: &[(&str, &str)]) -> Vec<Vec<String>> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        find(folder.path())
    }

    #[test]
    fn a_circle_is_found_through_re_exports_paths_and_macros() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("a.rs", "pub struct A(crate::B);"),
            (
                "b.rs",
                "pub struct B; fn f() { println!(\"{}\", crate::a::A::NAME); }",
            ),
        ]);
        assert_eq!(found, [["a -> b (B)", "b -> a (a::A::NAME)"]]);
        let found = circles_of(&[
            ("lib.rs", "mod a;"),
            (
                "a/mod.rs",
                "mod b; pub use b::B; pub struct A; fn f(b: B) {}",
            ),
            ("a/b.rs", "use super::A; pub struct B;"),
        ]);
        assert_eq!(found, [["a -> a/b (a::b::B)", "a/b -> a (a::A)"]]);
    }

    #[test]
    fn re_exports_and_tests_are_no_use() {
        let found = circles_of(&[
            ("lib.rs", "mod a; mod b; pub use a::A; pub use b::B;"),
            ("a.rs", "pub struct A(crate::B);"),
            (
                "b.rs",
                "pub struct B; #[cfg(test)] mod tests { use crate::A; }",
            ),
        ]);
        assert_eq!(found, Vec::<Vec<String>>::new());
    }
}
