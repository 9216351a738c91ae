/** What the AWS SDK is configured with: variables, profile, web identity, container, instance. Loaded only where it is asked for. */
import { S3Client } from "@aws-sdk/client-s3";
import type { Credentials } from "./S3Signer.ts";

export interface SdkChain {
  /** Rejects where none is configured. */
  readonly region: () => Promise<string>;
  /** The SDK keeps them and renews them before they end. */
  readonly credentials: (options: { readonly forceRefresh: boolean }) => Promise<Credentials>;
}

export const make = (region: string): SdkChain => {
  // Bundled at a version that suits this Node: no user can heed its warning of later ones.
  process.env["AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED"] ??= "true";
  return new S3Client(region === "" ? {} : { region }).config;
};
