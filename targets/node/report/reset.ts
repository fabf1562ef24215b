/** What has been erased of a device's store. */
export interface Reset {
  readonly file: string;
  /** How many bonds there were; whether there was an address. */
  readonly bonds: number;
  readonly address: boolean;
}
