import { type FormEvent, useState } from "react";
import { type Caller, signInAsDemoUser } from "./caller.ts";

const KINDS: Record<Caller["kind"], string> = {
  "signed out": "Signed out",
  "demo user": "Demo user",
  token: "A user, by token",
  "API key": "API key",
};
const STATUS: Record<Caller["kind"], string> = {
  "signed out": "Signed out.",
  "demo user": "Signed in as the demo user.",
  token: "Sending the token.",
  "API key": "Sending the API key.",
};

/** Chooses who sends the requests; a token or an API key is used once it is submitted. */
export function CallerForm({ onChange }: { onChange: (caller: Caller) => void }) {
  const [kind, setKind] = useState<Caller["kind"]>("signed out");
  const [status, setStatus] = useState("Sign in to read the schema and run queries.");

  function use(caller: Caller) {
    setKind(caller.kind);
    setStatus(STATUS[caller.kind]);
    onChange(caller);
  }

  function signIn() {
    setStatus("Signing in …");
    signInAsDemoUser().then(use, (error: Error) => {
      use({ kind: "signed out" });
      setStatus(error.message);
    });
  }

  function choose(chosen: Caller["kind"]) {
    if (chosen === "demo user") return signIn();
    use({ kind: "signed out" });
    setKind(chosen);
    if (chosen !== "signed out") setStatus(`Paste the ${chosen}.`);
  }

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const secret = String(new FormData(event.currentTarget).get("secret") ?? "").trim();
    if (secret && (kind === "token" || kind === "API key")) use({ kind, secret });
  }

  return (
    <form className="caller" onSubmit={submit}>
      <p role="status">{status}</p>
      <label>
        Caller
        <select value={kind} onChange={(event) => choose(event.target.value as Caller["kind"])}>
          {Object.entries(KINDS).map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      </label>
      {(kind === "token" || kind === "API key") && (
        <>
          <input
            key={kind}
            name="secret"
            type="password"
            aria-label={kind === "token" ? "Token" : "API key"}
            autoComplete="off"
            spellCheck={false}
            required
          />
          <button type="submit">Use</button>
        </>
      )}
      <button type="button" className="main" onClick={signIn}>
        Sign in as the demo user
      </button>
    </form>
  );
}
