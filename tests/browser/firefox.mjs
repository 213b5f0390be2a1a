// The page's main path in Firefox: sign in, browse, upload, open a file of each kind, share, delete.
// Prints nothing if all is well. Its argument is JSON: `program`, the page's `url`, the `user` to sign in as, the new
// `folder` to upload to, `files`: the path of each file to upload, and the element that shows it, and `parts`: the paths
// of the files to upload that a film consists of.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import puppeteer from "puppeteer-core";

const { program, url, user, folder, files, parts } = JSON.parse(process.argv[2]);
const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath: program,
  // Firefox runs its tests with these, so that it sends nothing to its maker.
  extraPrefsFirefox: { "network.captive-portal-service.enabled": false, "app.update.disabledForTesting": true },
});
const page = await browser.newPage();
const faults = [];
page.on("console", (message) => ["error", "warn"].includes(message.type()) && faults.push(message.text()));
page.on("pageerror", (error) => faults.push(String(error)));
page.setDefaultTimeout(30_000);

const named = (role, name) => page.locator(`::-p-aria([role="${role}"][name="${name}"])`);
const gone = (selector) => page.waitForSelector(selector, { hidden: true });

try {
  await page.setViewport({ width: 1280, height: 900 });
  await page.goto(url);
  await named("button", `Sign in as ${user}`).click();
  await page.locator('.folders a[href^="#/home/"]').click();
  await page.waitForSelector('.crumbs a[href="#/"]');
  await page.evaluate((folder) => (location.hash += `${folder}/`), folder);
  const chooser = await page.waitForSelector("input[type=file]:not([webkitdirectory])");
  await chooser.uploadFile(...Object.keys(files), ...parts);
  await page.waitForSelector(`::-p-text(${Object.keys(files).length + parts.length} files uploaded)`);
  await named("button", "Close").click();

  for (const [path, element] of Object.entries(files)) {
    const name = basename(path);
    await page.locator(`.files a[href$="/${encodeURIComponent(name)}"]`).click();
    await page.waitForSelector(`dialog ${element}`);
    if (element === "img") await page.waitForFunction("document.querySelector('dialog img').naturalWidth > 0");
    if (element === "video") await page.waitForFunction("document.querySelector('video').videoWidth > 0");
    if (element === "audio") await page.waitForFunction("document.querySelector('audio').duration > 0");
    await page.keyboard.press("Escape");
    await gone("dialog");
  }

  const [shared] = Object.keys(files);
  await page.locator(`.files a[href$="/${encodeURIComponent(basename(shared))}"]`).click();
  await named("button", "Share …").click();
  await named("button", "Create link").click();
  const link = await (await page.waitForSelector("dialog textarea")).evaluate(({ value }) => value);
  const received = Buffer.from(await (await fetch(link)).arrayBuffer());
  if (!received.equals(await readFile(shared)))
    throw new Error(`The link opens something else: ${received.length} bytes`);
  await page.keyboard.press("Escape");
  await gone("dialog.dialog");
  await page.waitForSelector("dialog.preview");
  await page.keyboard.press("Escape");
  await gone("dialog");

  await named("checkbox", `Select ${basename(shared)}`).click();
  await named("button", "Delete …").click();
  await page.locator("dialog button.danger").click();
  await gone(`.files a[href$="/${encodeURIComponent(basename(shared))}"]`);
  if (faults.length) throw new Error(`Firefox reported: ${faults.join("; ")}`);
} catch (error) {
  console.error(await page.evaluate("document.body.innerText"));
  throw error;
} finally {
  await browser.close();
}
