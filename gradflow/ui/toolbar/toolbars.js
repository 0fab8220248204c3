/** Toolbars in the page, by the name of the figure that follows them. */
export const toolbars = new Map();
