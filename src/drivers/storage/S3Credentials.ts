/** Who requests are signed as. */
import { Redacted } from "effect";
import type { S3StorageConfig } from "../../core/Config.ts";
import type { Credentials } from "./S3Signer.ts";

export interface Identity {
  readonly region: string;
  /** Good for now; `renew` asks for others than those that were refused. */
  readonly credentials: (renew: boolean) => Credentials | Promise<Credentials>;
  /** Whether `renew` may give others. */
  readonly renewable: boolean;
}

/** Where all else is silent; what S3's work-alikes expect. */
const defaultRegion = "us-east-1";

/** The keys as they are set, else those that the AWS SDK finds: it is loaded only then. */
export const make = async (
  { accessKeyId, region, secretAccessKey, sessionToken }: Pick<
    S3StorageConfig,
    "accessKeyId" | "region" | "secretAccessKey" | "sessionToken"
  >,
): Promise<Identity> => {
  if (accessKeyId !== "") {
    const fixed: Credentials = {
      accessKeyId,
      secretAccessKey: secretAccessKey === undefined ? "" : Redacted.value(secretAccessKey),
      ...(sessionToken === undefined ? {} : { sessionToken: Redacted.value(sessionToken) }),
    };
    return { region: region === "" ? defaultRegion : region, credentials: () => fixed, renewable: false };
  }
  const chain = (await import("./S3SdkChain.ts")).make(region);
  let renewing: Promise<Credentials> | undefined;
  return {
    region: await chain.region().catch(() => defaultRegion),
    renewable: true,
    credentials: (renew) => {
      if (!renew) return renewing ?? chain.credentials({ forceRefresh: false });
      renewing ??= chain.credentials({ forceRefresh: true }).finally(() => {
        renewing = undefined;
      });
      return renewing;
    },
  };
};
