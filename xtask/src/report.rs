//! The page of `shokyo custody report` in a browser: screenshots and prints in both languages, in `target/report`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::call::{Call, Failure};
use crate::steps::Outcome;

const FOLDER: &str = "target/report";
/// With the features of the step `test`, so that nothing is built twice.
const WRITES: &str = "test --locked --all-features --test custody_report -- --exact \
                      writes_the_pages_that_a_browser_shows --ignored";

/// A language's tag, words of its half of the page, and words of the other half, which must not be printed.
const LANGUAGES: [(&str, &str, &str); 2] =
    [("ja", "消去の証跡", "Report on the evidence"), ("en", "Report on the evidence", "消去の証跡")];

/// A window is never as narrow as a phone; a frame is as narrow as it is told to be.
const PHONE: &str = "<!DOCTYPE html><title>phone</title>\
                     <style>body{margin:0}iframe{border:0;width:390px;height:3000px}</style>";

/// Writes the pages from stores with known contents, shows and prints them.
pub fn run() -> Result<Outcome, Failure> {
    for (program, arguments) in [("chromium", "--version"), ("pdfinfo", "-v")] {
        if !Call::new(program, arguments).succeeds_silently() {
            let how = "chromium or pdfinfo is missing: sudo apt-get install --yes chromium poppler-utils";
            return Ok(Outcome::Skipped(how.to_owned()));
        }
    }
    let folder = empty_folder()?;
    Call::cargo(WRITES).set("SHOKYO_REPORT", &folder.to_string_lossy()).run()?;
    write(&folder.join("empty.html"), "<!DOCTYPE html><title>empty</title>")?;
    for (size, page) in [("1200,3000", "wide"), ("500,3000", "narrow")] {
        let empty = screenshot(&folder, size, "empty.html", &format!("{page}-empty.png"))?;
        for (language, ..) in LANGUAGES {
            let file = shown(&folder, page, language)?;
            let picture = screenshot(&folder, size, &file, &format!("{page}-{language}.png"))?;
            // An empty picture of this size packs into next to nothing, and text does not.
            if picture < empty.saturating_mul(5) {
                let what =
                    format!("{page}-{language}.png is as good as empty: {picture} bytes, {empty} without a page");
                return Err(Failure::new(what));
            }
        }
    }
    LANGUAGES.iter().try_for_each(|(language, there, absent)| print(&folder, language, there, absent))?;
    println!("look at {FOLDER}: wide-ja.png wide-en.png narrow-ja.png narrow-en.png report-ja.pdf report-en.pdf");
    Ok(Outcome::Done)
}

fn empty_folder() -> Result<PathBuf, Failure> {
    let place = |error: std::io::Error| Failure::new(format!("{FOLDER} cannot be made: {error}"));
    let folder = std::env::current_dir().map_err(place)?.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(place)?;
    }
    fs::create_dir_all(&folder).map_err(place)?;
    Ok(folder)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| Failure::new(format!("{} cannot be written: {error}", path.display())))
}

/// The file that shows a language's page: itself, or a frame as wide as a phone around it.
fn shown(folder: &Path, page: &str, language: &str) -> Result<String, Failure> {
    let file = format!("report-{language}.html");
    if page == "wide" {
        return Ok(file);
    }
    let frame = format!("phone-{language}.html");
    write(&folder.join(&frame), &format!("{PHONE}<iframe src=\"{file}\"></iframe>"))?;
    Ok(frame)
}

/// A browser with a profile of its own. Without a sandbox, which the superuser cannot have; the page runs no script.
fn browser(folder: &Path, file: &str) -> Call {
    Call::new(
        "chromium",
        "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --hide-scrollbars --log-level=3",
    )
    .argument(format!("--user-data-dir={}", folder.join("browser").display()))
    .argument(format!("file://{}", folder.join(file).display()))
}

/// Takes a screenshot and gives its length in bytes.
fn screenshot(folder: &Path, size: &str, file: &str, picture: &str) -> Result<u64, Failure> {
    let path = folder.join(picture);
    let call = browser(folder, file)
        .argument(format!("--window-size={size}"))
        .argument(format!("--screenshot={}", path.display()));
    call.run()?;
    fs::metadata(&path).map(|of| of.len()).map_err(|_| call.failure("no picture was made"))
}

/// Prints on A4 and looks at every page's size and at the words.
fn print(folder: &Path, language: &str, there: &str, absent: &str) -> Result<(), Failure> {
    let path = folder.join(format!("report-{language}.pdf"));
    browser(folder, &format!("report-{language}.html"))
        .argument("--no-pdf-header-footer")
        .argument(format!("--print-to-pdf={}", path.display()))
        .run()?;
    let sizes = Call::new("pdfinfo", "-f 1 -l 10000").argument(path.to_string_lossy());
    let said = sizes.output()?;
    let pages: Vec<&str> = said.lines().filter(|line| line.starts_with("Page ") && line.contains("size:")).collect();
    if pages.len() < 3 || !pages.iter().all(|line| line.ends_with("(A4)")) {
        return Err(sizes.failure(format!("there must be several pages, and all of A4:\n{said}")));
    }
    let words = Call::new("pdftotext", "").argument(path.to_string_lossy()).argument("-");
    let text = words.output()?;
    if !text.contains(there) || text.contains(absent) {
        return Err(words.failure(format!("the chosen language alone is to be printed, with {there:?}")));
    }
    Ok(())
}
