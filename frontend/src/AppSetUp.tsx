import { useState } from "react";
import { QrCode } from "./QrCode.tsx";

/** The secret of an authenticator app: as a QR code drawn by this page, as text, and as a link. */
export function AppSetUp({ secret, user }: { secret: string; user: string }) {
  const [status, setStatus] = useState("");
  const address = setUpAddress(secret, user);

  async function copy() {
    try {
      await navigator.clipboard.writeText(secret); // the clipboard needs HTTPS
      setStatus("Key copied.");
    } catch {
      setStatus("The browser did not allow copying. Select the key and copy it.");
    }
  }

  return (
    <div className="app-set-up">
      <QrCode text={address} label="QR code for an authenticator app" />
      <p>
        Or <a href={address}>open the app on this device</a>, or type this key into it:
      </p>
      <p className="key">
        <code>
          {secret.match(/.{1,4}/g)?.map((group, index) => (
            <span key={index}>{group}</span>
          ))}
        </code>
        <button type="button" onClick={copy}>
          Copy key
        </button>
      </p>
      <p role="status" className="quiet">
        {status}
      </p>
    </div>
  );
}

/** https://github.com/google/google-authenticator/wiki/Key-Uri-Format. The host tells apart accounts of two stacks. */
function setUpAddress(secret: string, user: string): string {
  const issuer = encodeURIComponent(`Private files (${location.hostname})`);
  return `otpauth://totp/${issuer}:${encodeURIComponent(user)}?secret=${encodeURIComponent(secret)}&issuer=${issuer}`;
}
