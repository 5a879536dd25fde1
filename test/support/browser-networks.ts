/** Networks that pages run on WebGPU, and what another runtime creates there for them. */

export interface BrowserNetwork {
  readonly file: string;
  readonly dims?: Readonly<Record<string, number>>;
  /**
   * Bytes of the storage buffers that the first run of onnxruntime-web 1.30 gets from `createBuffer`, weights left out:
   * counted in Chromium with the software adapter.
   */
  readonly onnxruntimeWeb: number;
  /** The most bytes that our arena may take. */
  readonly most: number;
}

export const BROWSER_NETWORKS: readonly BrowserNetwork[] = [
  { file: 'ultraface_rfb_320.onnx', onnxruntimeWeb: 14_481_920, most: 4_915_200 },
  { file: 'light_squeezenet.onnx', onnxruntimeWeb: 11_378_688, most: 6_308_352 },
  {
    file: 'ch_ppocr_mobile_v2.0_cls_infer.onnx',
    dims: { 'p2o.DynamicDimension.0': 1, 'p2o.DynamicDimension.1': 48, 'p2o.DynamicDimension.2': 192 },
    onnxruntimeWeb: 1_610_752,
    most: 485_376,
  },
];
