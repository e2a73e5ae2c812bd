//! The report of an inspection as text.

use super::{
    CopyGroup, CopyKind, Inspection, KeypointCounts, Part, Problem, SetInspection, Spread,
};
use std::fmt;

/// Findings of a kind that are listed; the others are counted.
const LISTED: usize = 10;

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for set in &self.sets {
            writeln!(f, "{set}")?;
        }
        writeln!(f, "copies")?;
        write_copies(f, self)
    }
}

impl fmt::Display for SetInspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({}, schema {})", self.path, self.format, self.schema)?;
        for note in &self.notes {
            writeln!(f, "  note: {note}")?;
        }
        write_contents(f, self)?;
        write_labels(f, self)?;
        write_positions(f, self)?;
        writeln!(f, "\n  labeling rules")?;
        for rule in &self.rules {
            writeln!(f, "    {rule}")?;
        }
        if self.rules.is_empty() {
            writeln!(
                f,
                "    no difference between groups of samples with other missing labels"
            )?;
        }
        write_suspects(f, self)
    }
}

fn write_contents(f: &mut fmt::Formatter<'_>, set: &SetInspection) -> fmt::Result {
    writeln!(f, "\n  contents")?;
    writeln!(f, "    samples: {} in {} images", set.samples, set.images)?;
    match &set.sizes {
        None => writeln!(f, "    sizes: unknown")?,
        Some(sizes) => {
            writeln!(f, "    width in px: {}", Shown(&sizes.width, 0))?;
            writeln!(f, "    height in px: {}", Shown(&sizes.height, 0))?;
            let frequent = sizes.most_frequent.iter().take(3);
            let frequent = frequent.map(|(w, h, count)| format!("{w}×{h} ({count})"));
            let frequent: Vec<String> = frequent.collect();
            let (distinct, frequent) = (sizes.distinct, frequent.join(", "));
            writeln!(
                f,
                "    distinct sizes: {distinct}, most frequent: {frequent}"
            )?;
        }
    }
    match &set.groups {
        None => writeln!(f, "    persons: unknown")?,
        Some(groups) => writeln!(
            f,
            "    persons: {}, samples of each: {}; {} samples without",
            groups.groups,
            Shown(&groups.samples_per_group, 0),
            groups.ungrouped
        )?,
    }
    match &set.split {
        None => writeln!(f, "    predefined split: none")?,
        Some(split) => {
            let [train, val] = &split.files;
            writeln!(
                f,
                "    predefined split: {} in {train}, {} in {val}",
                split.train, split.val
            )?;
            if let [first, ..] = &split.groups_in_both[..] {
                let count = split.groups_in_both.len();
                writeln!(
                    f,
                    "    LEAK: {count} persons are in both parts, such as {first}"
                )?;
            }
        }
    }
    if let Some(boxes) = &set.boxes {
        writeln!(
            f,
            "    faces: {}, ignored boxes: {}, images without a face: {}",
            boxes.faces, boxes.ignored, boxes.images_without
        )?;
        writeln!(
            f,
            "    faces per image: {}",
            Shown(&boxes.faces_per_image, 0)
        )?;
        if let Some(side) = &boxes.side_px {
            writeln!(f, "    side of a face in px: {}", Shown(side, 0))?;
        }
    }
    writeln!(
        f,
        "    images that cannot be read: {}",
        set.unreadable.len()
    )?;
    let errors = set.unreadable.iter();
    list(f, errors, |f, unreadable| {
        writeln!(f, "      {}: {}", unreadable.id, unreadable.error)
    })
}

fn write_labels(f: &mut fmt::Formatter<'_>, set: &SetInspection) -> fmt::Result {
    if set.keypoints.is_empty() {
        return Ok(());
    }
    writeln!(f, "\n  labels")?;
    let counts = |k: &KeypointCounts| [k.visible, k.occluded, k.outside, k.unlabeled];
    // Keypoints with equal counts share a line.
    let same = set.keypoints.chunk_by(|a, b| counts(a) == counts(b));
    let rows = same.map(|same| match same {
        [first, _, .., last] => (format!("{} … {}", first.keypoint, last.keypoint), first),
        _ => (joined(same.iter().map(|k| k.keypoint.as_str())), &same[0]),
    });
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(name, _)| name.chars().count()).max();
    let width = width.unwrap_or_default().max("keypoint".len());
    let heading = ["visible", "occluded", "outside", "unlabeled"];
    let heading = heading.map(|name| format!("{name:>10}")).concat();
    writeln!(f, "    {:<width$}{heading}", "keypoint")?;
    for (name, first) in rows {
        let counts = counts(first).map(|count| format!("{count:>10}")).concat();
        writeln!(f, "    {name:<width$}{counts}")?;
    }
    writeln!(
        f,
        "    distinct sets of labeled keypoints: {}",
        set.patterns.len()
    )?;
    list(f, set.patterns.iter(), |f, pattern| {
        let (labeled, all) = (pattern.labeled.len(), set.keypoints.len());
        write!(
            f,
            "      {:>6} samples with {labeled} of {all}",
            pattern.samples
        )?;
        match (labeled, all - labeled) {
            (_, 0) | (0, _) => writeln!(f),
            (_, missing) if missing < labeled => {
                writeln!(f, ": all but {}", short_list(&pattern.missing))
            }
            _ => writeln!(f, ": {}", short_list(&pattern.labeled)),
        }
    })
}

fn write_positions(f: &mut fmt::Formatter<'_>, set: &SetInspection) -> fmt::Result {
    let Some(positions) = &set.positions else {
        return Ok(());
    };
    writeln!(
        f,
        "\n  faces in their images, in fractions of width and height"
    )?;
    for (name, spread) in [
        ("center x", &positions.center_x),
        ("center y", &positions.center_y),
        ("width", &positions.width),
        ("height", &positions.height),
    ] {
        writeln!(f, "    {name:<8} {}", Shown(spread, 2))?;
    }
    Ok(())
}

fn write_suspects(f: &mut fmt::Formatter<'_>, set: &SetInspection) -> fmt::Result {
    writeln!(f, "\n  suspicious labels")?;
    type IsKind = fn(&Problem) -> bool;
    let kinds: [(&str, IsKind); 5] = [
        ("left and right exchanged", |p| {
            matches!(p, Problem::LeftRight { .. })
        }),
        ("pairs exchanged", |p| matches!(p, Problem::Pairs { .. })),
        ("another shape", |p| matches!(p, Problem::Shape { .. })),
        ("far from the mean shape", |p| {
            matches!(p, Problem::Outliers { .. })
        }),
        ("outside the image", |p| {
            matches!(p, Problem::Outside { .. })
        }),
    ];
    for (name, is_kind) in kinds {
        let found: Vec<_> = set
            .suspects
            .iter()
            .filter(|s| is_kind(&s.problem))
            .collect();
        writeln!(f, "    {name}: {}", found.len())?;
        list(f, found.into_iter(), |f, suspect| {
            writeln!(f, "      {}: {}", suspect.id, suspect.problem)
        })?;
    }
    Ok(())
}

fn write_copies(f: &mut fmt::Formatter<'_>, inspection: &Inspection) -> fmt::Result {
    type Wanted = fn(&CopyGroup) -> bool;
    let kinds: [(&str, Wanted); 4] = [
        ("in both parts of a split", |group| group.across_parts),
        ("in several data sets", |group| {
            !group.across_parts && group.across_sets
        }),
        ("in a part, of several or unknown persons", |group| {
            !group.across_parts && !group.across_sets && group.across_persons
        }),
        ("of one person in a part", |group| {
            !group.across_parts && !group.across_sets && !group.across_persons
        }),
    ];
    for (name, is_wanted) in kinds {
        for (kind, what) in [(CopyKind::Exact, "exact"), (CopyKind::Near, "near")] {
            let groups = inspection.copies.iter();
            let groups: Vec<_> = groups.filter(|g| g.kind == kind && is_wanted(g)).collect();
            let samples: usize = groups.iter().map(|group| group.samples.len()).sum();
            writeln!(
                f,
                "  {what} copies {name}: {} groups of {samples} samples",
                groups.len()
            )?;
            list(f, groups.into_iter(), |f, group| {
                write_group(f, group, inspection)
            })?;
        }
    }
    Ok(())
}

fn write_group(
    f: &mut fmt::Formatter<'_>,
    group: &CopyGroup,
    inspection: &Inspection,
) -> fmt::Result {
    let names = group.samples.iter().map(|sample| {
        let place = match inspection.sets.len() {
            1 => String::new(),
            _ => format!("{}: ", inspection.sets[sample.set].path),
        };
        let part = match sample.part {
            Some(Part::Train) if group.across_parts => " (train)",
            Some(Part::Val) if group.across_parts => " (val)",
            _ => "",
        };
        format!("{place}{}{part}", sample.id)
    });
    write!(f, "    {}", short_list(&names.collect::<Vec<_>>()))?;
    let least = group.pairs.iter().map(|pair| pair.correlation);
    if let Some(least) = least.reduce(f64::min) {
        write!(f, ", correlation {least:.3}")?;
    }
    if group.pairs.iter().any(|pair| pair.is_mirrored) {
        write!(f, ", mirrored")?;
    }
    writeln!(f)
}

/// The first few items, and how many more there are.
fn list<T>(
    f: &mut fmt::Formatter<'_>,
    items: impl ExactSizeIterator<Item = T>,
    line: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    let more = items.len().saturating_sub(LISTED);
    for item in items.take(LISTED) {
        line(f, item)?;
    }
    match more {
        0 => Ok(()),
        more => writeln!(f, "      … and {more} more"),
    }
}

fn joined<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(", ")
}

fn short_list(names: &[String]) -> String {
    let shown = joined(names.iter().take(5).map(String::as_str));
    match names.len().saturating_sub(5) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// A spread with this many decimals.
struct Shown<'a>(&'a Spread, usize);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(spread, digits) = self;
        let Spread {
            min,
            p5,
            median,
            p95,
            max,
        } = spread;
        if min == max {
            return write!(f, "{median:.digits$}");
        }
        write!(
            f,
            "median {median:.digits$}, 90 % in {p5:.digits$} to {p95:.digits$}, all in \
             {min:.digits$} to {max:.digits$}"
        )
    }
}
