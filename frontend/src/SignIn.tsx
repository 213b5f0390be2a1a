import { confirmSignIn, type SignInOutput, signIn } from "aws-amplify/auth";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import type { Config } from "./config.ts";
import { currentUser } from "./session.ts";
import { asTrouble, Trouble } from "./trouble.ts";

type Step = "password" | "new password";
type Props = { config: Config; notice: string; onSignedIn: (name: string) => void };

/** Asks for name and password, and for what else Cognito wants to know; the password itself never leaves the page. */
export default function SignIn({ config, notice, onSignedIn }: Props) {
  const [step, setStep] = useState<Step>("password");
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<Trouble | null>(null);
  const form = useRef<HTMLFormElement>(null);
  const { DemoUser, DemoPassword } = config;

  // Where a person types next: the first field of a step, or the one that was wrong.
  // A new step or a new problem moves the focus
  useEffect(
    () => form.current?.querySelector<HTMLInputElement>("input:not([readonly]):placeholder-shown")?.focus(),
    [step, problem],
  );

  async function go(ask: () => Promise<SignInOutput>) {
    setBusy(true);
    setProblem(null);
    try {
      const { isSignedIn, nextStep } = await ask();
      if (isSignedIn) onSignedIn((await currentUser()) ?? "");
      else setStep(stepOf(nextStep.signInStep));
    } catch (thrown) {
      form.current?.querySelectorAll<HTMLInputElement>("input[type=password], #code").forEach((input) => {
        input.value = "";
      });
      setProblem(explained(thrown));
    } finally {
      setBusy(false);
    }
  }

  function submit(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const typed = new FormData(event.currentTarget);
    const value = (name: string) => String(typed.get(name) ?? "");
    if (step === "password") {
      void go(() => signIn({ username: value("username").trim(), password: value("password") }));
    } else {
      void go(() => confirmSignIn({ challengeResponse: value("answer").trim() }));
    }
  }

  return (
    <main className="alone">
      <form className="sign-in" ref={form} onSubmit={submit} aria-labelledby="title" noValidate>
        <img src="./icon.svg" alt="" width="56" height="56" />
        <h1 id="title">Private files</h1>
        <p>{TITLES[step]}</p>
        {notice && step === "password" && !problem && (
          <p className="notice" role="status">
            {notice}
          </p>
        )}
        {problem && (
          <p className="problem" role="alert" id="problem">
            {problem.message} {problem.advice} {problem.detail && <code>{problem.detail}</code>}
          </p>
        )}
        {step === "password" && (
          <>
            <Field label="E-mail address">
              <input name="username" type="email" autoComplete="username" required placeholder=" " />
            </Field>
            <Field label="Password">
              <input
                name="password"
                type="password"
                autoComplete="current-password"
                required
                placeholder=" "
                aria-invalid={problem !== null}
                aria-describedby={problem ? "problem" : undefined}
              />
            </Field>
          </>
        )}
        {step === "new password" && (
          <Field label="New password" hint="At least 12 characters: upper and lower case, a digit and a symbol.">
            <input
              name="answer"
              type="password"
              autoComplete="new-password"
              required
              placeholder=" "
              aria-invalid={problem !== null}
            />
          </Field>
        )}
        <button type="submit" className="main" disabled={busy}>
          {busy ? "One moment …" : step === "new password" ? "Set the password" : "Sign in"}
        </button>
        {DemoUser && DemoPassword && step === "password" && (
          <button
            type="button"
            disabled={busy}
            onClick={() => go(() => signIn({ username: DemoUser, password: DemoPassword }))}
          >
            Sign in as {DemoUser}
          </button>
        )}
      </form>
    </main>
  );
}

const TITLES: Record<Step, string> = {
  password: "Sign in to see what is kept here for you.",
  "new password": "This is your first time here: choose a password of your own.",
};

function stepOf(next: SignInOutput["nextStep"]["signInStep"]): Step {
  if (next === "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED") return "new password";
  throw new Trouble("This page cannot finish this sign-in.", "Tell whoever runs it:", next);
}

/** Cognito's refusals in words of a person's own; what is left says its name. */
function explained(thrown: unknown): Trouble {
  const name = thrown instanceof Error ? thrown.name : "";
  const message = thrown instanceof Error ? thrown.message : "";
  // The two are one answer, so that nobody learns here who has an account.
  if (name === "UserNotFoundException" || (name === "NotAuthorizedException" && !/expired|session/i.test(message))) {
    return new Trouble("The name or the password is wrong.", "Type the password again.");
  }
  if (name.startsWith("EmptySignIn") || name.startsWith("EmptyChallenge"))
    return new Trouble("Fill in every field.", "");
  if (name === "InvalidPasswordException") return new Trouble("That password is too easy to guess.", message);
  if (name === "LimitExceededException" || name === "TooManyRequestsException") {
    return new Trouble("Too many attempts.", "Wait a few minutes, then try again.");
  }
  const trouble = asTrouble(thrown);
  return trouble.detail
    ? new Trouble("You could not be signed in.", "Reload the page, and try again.", trouble.detail)
    : trouble;
}

function Field({ label, hint, children }: { label: string; hint?: string; children: ReactNode }) {
  return (
    <label>
      <span>{label}</span>
      {children}
      {hint && <small>{hint}</small>}
    </label>
  );
}
