use floodline_scenario::*;
struct Fs;
impl Outside for Fs {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> { std::fs::read(path).map_err(|e| e.to_string()) }
    fn env(&self, name: &str) -> Option<String> { std::env::var(name).ok() }
    fn stub_profiles(&self) -> Vec<String> { ["instant","8b-a100","8b-h100","70b-h100-tp8"].map(String::from).into() }
}
fn main() {
    let name = std::env::args().nth(1).unwrap();
    let text = std::fs::read_to_string(&name).unwrap();
    for doc in text.split("\n%%%\n") {
        println!("------\n{doc}\n------");
        match resolve(&Source { name: &name, text: doc }, &Overrides::default(), &Fs) {
            Err(e) => println!("{e}"),
            Ok(r) => { let mut b = vec![]; let x = r.workload.render(3, &mut b); println!("OK {} {:?} {x:?} {}", serde_json::to_string(&r.plan).unwrap(), r.warnings, String::from_utf8_lossy(&b)); }
        }
    }
}
