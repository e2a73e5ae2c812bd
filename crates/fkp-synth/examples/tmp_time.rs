//! temp
use fkp_synth::{SynthConfig, SynthFaces, render};
fn main() {
    let n: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let s = std::env::args().nth(2).unwrap().parse().unwrap();
    let f = SynthFaces::new(SynthConfig::default()).unwrap();
    let mut t = 0u64;
    let mut sum = 0.0;
    for i in 0..n {
        let p = f.params(i);
        let mut m = 1e9f64;
        for _ in 0..12 {
            let a = std::time::Instant::now();
            t += render(&p, s).0.as_bytes()[5] as u64;
            m = m.min(a.elapsed().as_secs_f64() * 1e3);
        }
        sum += m;
    }
    println!("{t} mean of min {:.3} ms", sum / n as f64);
}
