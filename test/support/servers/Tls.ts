/** Certificates of a private authority, for a server on 127.0.0.1 and localhost, and for a client. */
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as Install from "./Install.ts";
import { give } from "./ServerProcess.ts";

export interface Tls {
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly clientCertFile: string;
  readonly clientKeyFile: string;
}

/** Writes them below `folder`. */
export const make = (folder: string): Tls => {
  const file = (name: string) => join(folder, name);
  const openssl = (...args: ReadonlyArray<string>) =>
    execFileSync(Install.path("openssl"), args, { cwd: folder, stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const authority = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ncps-pipeline tests"];
  openssl("req", "-x509", ...key, "-days", "2", ...authority);
  const issue = (name: string, subject: string) => {
    const csr = file(`${name}.csr`);
    const extensions = file(`${name}.ext`);
    writeFileSync(extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n");
    openssl("req", ...key, "-keyout", `${name}.key`, "-out", csr, "-subj", subject);
    const signing = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2"];
    openssl("x509", "-req", "-in", csr, ...signing, "-extfile", extensions, "-out", `${name}.pem`);
    chmodSync(file(`${name}.key`), 0o600);
    give(file(`${name}.key`), file(`${name}.pem`));
  };
  issue("server", "/CN=localhost");
  issue("client", "/CN=ncps");
  return {
    caFile: file("ca.pem"),
    certFile: file("server.pem"),
    keyFile: file("server.key"),
    clientCertFile: file("client.pem"),
    clientKeyFile: file("client.key"),
  };
};
