import { en } from "./texts_en.js";
import { ko } from "./texts_ko.js";

export const texts = { en, ko };
