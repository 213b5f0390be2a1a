import { signIn } from "aws-amplify/auth";
import { type FormEvent, useEffect, useRef, useState } from "react";
import type { Config } from "./config.ts";
import type { PageError } from "./page-error.ts";
import { currentUser } from "./session.ts";
import { signInError, StartAgain } from "./sign-in-errors.ts";
import { sendCode, type Step, stepAfter, submitStep } from "./sign-in-steps.ts";
import { SignInFields } from "./SignInFields.tsx";
import { shown } from "./wording.ts";

type Props = { config: Config; notice: string; onSignedIn: (name: string) => void };

const FIRST: Step = { name: "password" };

/** Signs in by SRP, which never sends the password, and completes what else Cognito requires. */
export default function SignIn({ config, notice, onSignedIn }: Props) {
  const [step, setStep] = useState<Step>(FIRST);
  const [user, setUser] = useState("");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<PageError | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const { DemoUser, DemoPassword } = config;

  // A new step or a new problem moves the focus to the first empty field
  useEffect(
    () => form.current?.querySelector<HTMLElement>("input:not([readonly]):placeholder-shown, [name=factor]")?.focus(),
    [step, problem],
  );

  async function proceed(send: () => Promise<Step | null>) {
    setBusy(true);
    setProblem(null);
    try {
      const next = await send();
      if (next) setStep(next);
      else onSignedIn((await currentUser()) ?? "");
    } catch (thrown) {
      const error = signInError(thrown);
      for (const input of refusedInputs(error)) input.value = "";
      if (error instanceof StartAgain) setStep(FIRST);
      setProblem(error);
    } finally {
      setBusy(false);
    }
  }

  /** Return the inputs to type again: of a code and a password, only the one that was refused. */
  function refusedInputs({ message }: PageError): Iterable<HTMLInputElement> {
    const refused = /password/i.test(message) ? "[type=password]" : "[name=code]";
    const selector = step.name === "reset password" ? refused : "[type=password], [name=code]";
    return form.current?.querySelectorAll<HTMLInputElement>(selector) ?? [];
  }

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const typed = new FormData(event.currentTarget, (event.nativeEvent as SubmitEvent).submitter);
    setUser(String(typed.get("username") ?? "").trim());
    void proceed(() => submitStep(step, typed));
  }

  function show(another: Step) {
    setUser(String(new FormData(form.current ?? undefined).get("username") ?? "").trim());
    setProblem(null);
    setStep(another);
  }

  function resend() {
    void proceed(async () => ({ ...(await sendCode(user)), resent: true }));
  }

  function signInAsDemoUser(username: string, password: string) {
    setUser(username);
    void proceed(async () => stepAfter(await signIn({ username, password })));
  }

  return (
    <main className="alone">
      <form className="sign-in" ref={form} onSubmit={submit} aria-labelledby="title" noValidate>
        <img src="./icon.svg" alt="" width="56" height="56" />
        <h1 id="title">Private files</h1>
        <p id="step" aria-live="polite">
          {instructions(step, user)}
        </p>
        {notice && step === FIRST && !problem && (
          <p className="notice" role="status">
            {notice}
          </p>
        )}
        {problem && (
          <p className="problem" role="alert" id="problem">
            {problem.message} {problem.advice} {problem.detail && <code>{shown(problem.detail)}</code>}
          </p>
        )}
        <SignInFields key={step.name} step={step} user={user} problem={problem !== null} busy={busy} />
        {step.name !== "choose factor" && (
          <button type="submit" className="main" disabled={busy}>
            {busy ? "One moment …" : SUBMIT[step.name]}
          </button>
        )}
        {step.name === "reset password" && (
          <button type="button" disabled={busy} onClick={resend}>
            Send a new code
          </button>
        )}
        {DemoUser && DemoPassword && step === FIRST && (
          <button type="button" disabled={busy} onClick={() => signInAsDemoUser(DemoUser, DemoPassword)}>
            Sign in as {DemoUser}
          </button>
        )}
        <button
          type="button"
          className="plain"
          disabled={busy}
          onClick={() => show(step === FIRST ? { name: "forgot password" } : FIRST)}
        >
          {step === FIRST ? "Forgot password?" : "Start again"}
        </button>
      </form>
    </main>
  );
}

const SUBMIT: Record<Exclude<Step["name"], "choose factor">, string> = {
  password: "Sign in",
  "new password": "Set password",
  code: "Sign in",
  "set up app": "Sign in",
  "set up e-mail": "Send a code",
  "forgot password": "Send a code",
  "reset password": "Set password",
};

function instructions(step: Step, user: string): string {
  switch (step.name) {
    case "password":
      return "Sign in to see your files.";
    case "new password":
      return "This is your first sign-in: choose a new password.";
    case "code":
      return step.factor === "TOTP"
        ? "Enter the code that your authenticator app shows. If you have lost it, ask your administrator to reset your second factor."
        : `Enter the code that was sent to ${step.destination ? shown(step.destination) : "you"}. If it does not arrive, start again to get a new one.`;
    case "choose factor":
      return "Choose your second factor.";
    case "set up app":
      return "Your account requires a second factor. Scan this code with an authenticator app, then enter the code that the app shows.";
    case "set up e-mail":
      return "Your account requires a second factor. Enter an e-mail address that receives a code at each sign-in.";
    case "forgot password":
      return "A code to set a new password is sent to your e-mail address.";
    case "reset password":
      if (step.resent)
        return `A new code was sent to ${shown(step.destination ?? "you")}. Codes sent before are not valid.`;
      return step.destination
        ? `If ${shown(user)} has an account, a code was sent to ${shown(step.destination)}. Enter it, and choose a new password.`
        : "Your password was reset. Enter the code that was sent to you, and choose a new password.";
  }
}
