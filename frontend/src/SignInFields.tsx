import type { InputHTMLAttributes } from "react";
import { AppSetUp } from "./AppSetUp.tsx";
import type { Factor, Step } from "./sign-in-steps.ts";
import { shown } from "./wording.ts";

const FACTORS: Record<Factor, string> = { TOTP: "Authenticator app", SMS: "Text message", EMAIL: "E-mail" };
const RULES = "At least 12 characters: upper and lower case, a digit and a symbol.";

type Props = { step: Step; user: string; problem: boolean; busy: boolean };

/** The fields of a step. The user name is in each, for password managers. */
export function SignInFields({ step, user, problem, busy }: Props) {
  const described = { "aria-describedby": problem ? "step problem" : "step", "aria-invalid": problem };
  const username = { name: "username", type: "email", autoComplete: "username", defaultValue: user } as const;
  const code = <Field label="Code" name="code" inputMode="numeric" autoComplete="one-time-code" {...described} />;
  const newPassword = (
    <Field
      label="New password"
      hint={RULES}
      name="new-password"
      type="password"
      autoComplete="new-password"
      {...described}
    />
  );
  if (step.name === "password") {
    return (
      <>
        <Field label="E-mail address" {...username} />
        <Field label="Password" name="password" type="password" autoComplete="current-password" {...described} />
      </>
    );
  }
  if (step.name === "forgot password") return <Field label="E-mail address" {...username} {...described} />;
  return (
    <>
      <input {...username} hidden readOnly />
      {step.name === "set up app" && <AppSetUp secret={step.secret} user={user} />}
      {step.name === "set up e-mail" && (
        <Field label="E-mail address" name="address" type="email" autoComplete="email" {...described} />
      )}
      {(step.name === "code" || step.name === "set up app" || step.name === "reset password") && code}
      {(step.name === "new password" || step.name === "reset password") && newPassword}
      {step.name === "new password" &&
        step.missing.map((name) => <Field key={name} label={shown(name)} name={`attribute ${name}`} />)}
      {step.name === "choose factor" &&
        step.factors.map((factor) => (
          <button key={factor} type="submit" name="factor" value={factor} disabled={busy} aria-describedby="step">
            {FACTORS[factor]}
          </button>
        ))}
    </>
  );
}

function Field({ label, hint, ...input }: InputHTMLAttributes<HTMLInputElement> & { label: string; hint?: string }) {
  return (
    <label>
      <span>{label}</span>
      <input required placeholder=" " {...input} />
      {hint && <small>{hint}</small>}
    </label>
  );
}
