import { type SyntheticEvent, useEffect, useState } from "react";
import { Dialog } from "./Dialog.tsx";
import { ErrorMessage } from "./ErrorMessage.tsx";
import { lastPart } from "./files.ts";
import { QrCode } from "./QrCode.tsx";
import { BUSY, useBusy } from "./retry.ts";
import { lifetimes, type SharedLink, shareFile, shareFiles } from "./share-links.ts";
import { expiryOf } from "./signed-url.ts";
import { counted, fullDurationOf, momentOf, shown } from "./wording.ts";

const LARGEST_QR_CODE = 2_953; // bytes, with the lowest error correction

type Props = { files: string[]; onClose: () => void };

const focus = (element: HTMLElement | null) => element?.focus();

/** Makes links to files that anyone can open who has them, for a time that the user chooses. */
export default function Share({ files, onClose }: Props) {
  const [choices, setChoices] = useState<number[] | null>(null);
  const [lifetime, setLifetime] = useState<number | null>(null);
  const [saves, setSaves] = useState(false);
  const [name, setName] = useState(() => lastPart(files[0] ?? ""));
  const [links, setLinks] = useState<SharedLink[] | "loading" | null>(null);
  const [thrown, setThrown] = useState<unknown>(null);
  const [status, setStatus] = useState("");
  const busy = useBusy();
  const single = files.length === 1 ? files[0] : undefined;

  useEffect(() => {
    let wanted = true;
    lifetimes().then(
      (found) => wanted && (setChoices(found), setLifetime(found[0] ?? null)),
      (error: unknown) => wanted && (setThrown(error), setChoices([])),
    );
    return () => {
      wanted = false;
    };
  }, []);

  /** Hide links that were made with other options. */
  function change(apply: () => void) {
    apply();
    setLinks(null);
    setThrown(null);
    setStatus("");
  }

  async function create(event: SyntheticEvent) {
    event.preventDefault();
    setThrown(null);
    setLinks("loading");
    try {
      const saveAs = saves ? name.trim() : null;
      setLinks(single === undefined ? await shareFiles(files, lifetime) : [await shareFile(single, lifetime, saveAs)]);
    } catch (error) {
      setThrown(error);
      setLinks(null);
    }
  }

  const title = single === undefined ? `Share ${counted(files.length, "file")}` : `Share “${shown(lastPart(single))}”`;
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="share" onSubmit={create}>
        <p>
          Anyone who has {single === undefined ? "a link can open its file" : "the link can open the file"} until it
          expires, without signing in. A link cannot be taken back.
        </p>
        {choices !== null && choices.length > 0 && (
          <fieldset>
            <legend>Expires after</legend>
            {choices.map((seconds) => (
              <label key={seconds} className="choice">
                <input
                  type="radio"
                  name="lifetime"
                  checked={lifetime === seconds}
                  ref={seconds === choices[0] ? focus : null}
                  onChange={() => change(() => setLifetime(seconds))}
                />
                {fullDurationOf(seconds * 1000)}
              </label>
            ))}
          </fieldset>
        )}
        {choices !== null && single !== undefined && (
          <fieldset>
            <legend>When it is opened</legend>
            <label className="choice">
              <input type="radio" name="saves" checked={!saves} onChange={() => change(() => setSaves(false))} />
              Show in the browser
            </label>
            <label className="choice">
              <input type="radio" name="saves" checked={saves} onChange={() => change(() => setSaves(true))} />
              Save as a file
            </label>
            {saves && (
              <label>
                File name
                <input
                  value={name}
                  required
                  dir="auto"
                  autoComplete="off"
                  onChange={(event) => change(() => setName(event.target.value))}
                />
              </label>
            )}
          </fieldset>
        )}
        {Array.isArray(links) && <Links links={links} onCopied={setStatus} />}
        {thrown !== null && <ErrorMessage thrown={thrown} />}
        <p role="status" className="quiet">
          {busy ? BUSY : choices === null ? "Loading …" : status}
        </p>
        <div className="actions">
          {!Array.isArray(links) && (
            <button type="submit" className="main" disabled={choices === null || links === "loading"}>
              {links === "loading" ? "Creating …" : single === undefined ? "Create links" : "Create link"}
            </button>
          )}
          <button type="button" onClick={onClose}>
            Close
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** The links, to be copied together; of a single one also the QR code. */
function Links({ links, onCopied }: { links: SharedLink[]; onCopied: (status: string) => void }) {
  const made = links.filter((link) => "url" in link);
  const refused = links.filter((link) => "refusal" in link);
  const only = links.length === 1 ? made[0] : undefined;
  const text = made.map(({ url }) => url).join("\n");
  const until = momentOf(Math.min(...made.map(({ url }) => expiryOf(url))));

  async function copy() {
    try {
      await navigator.clipboard.writeText(text); // the clipboard needs HTTPS
      onCopied(only ? "Link copied." : `${counted(made.length, "link")} copied.`);
    } catch {
      onCopied("The browser did not allow copying. Select the text and copy it.");
    }
  }

  return (
    <div className="links">
      {refused.length > 0 && (
        <div className="error-message" role="alert">
          <h2>{counted(refused.length, "file")} cannot be shared.</h2>
          {refused.slice(0, 5).map(({ file, refusal }) => (
            <p key={file}>
              <bdi>{shown(file)}</bdi>: {refusal}
            </p>
          ))}
        </div>
      )}
      {made.length > 0 && (
        <>
          <label>
            {only ? "Link" : counted(made.length, "link")}
            <textarea
              readOnly
              ref={focus}
              rows={Math.min(made.length + 2, 8)}
              wrap={only ? "soft" : "off"}
              value={text}
              spellCheck={false}
              onFocus={(event) => event.target.select()}
            />
          </label>
          <p>{until && `${only ? "Opens the file" : "They open the files"} until ${until}.`}</p>
          <div className="actions">
            <button type="button" className="main" onClick={copy}>
              {only ? "Copy link" : "Copy all links"}
            </button>
          </div>
          {only && only.url.length <= LARGEST_QR_CODE && (
            <details>
              <summary>QR code</summary>
              <QrCode text={only.url} label="QR code of the link" level="L" />
            </details>
          )}
        </>
      )}
    </div>
  );
}
